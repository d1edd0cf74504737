import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runCli } from '../support/cli.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { editFile, startTestPlatform, type TestPlatform } from '../support/platform.ts'

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform()
  calls = edgeCalls(platform)
})
after(() => platform.close())

const run = (...args: string[]) => runCli(args, platform.environment)

async function runJson(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await run(...args, '--json')
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

describe('tidegate cases', () => {
  async function holdTransfer(value: string): Promise<{ operation: string; id: string }> {
    const held = await calls.transfer(value)
    assert.equal(held.status, 202, held.text)
    const { operation } = held.body
    return eventually('the case', async () => {
      const { items } = (await runJson('cases', 'list', '--state', 'open')) as {
        items: { id: string; operation: string }[]
      }
      return items.find((it) => it.operation === operation)
    })
  }

  test('a held transfer is listed, shown and approved; then the money has moved', async () => {
    const { id, operation } = await holdTransfer('50000.00')
    assert.match((await run('cases', 'list')).stdout, new RegExp(`^${id} +open +50000\\.00 CNY +mem_alice +0/1 `, 'm'))
    const shown = await run('cases', 'show', id)
    assert.equal(shown.code, 0)
    assert.match(shown.stdout, /^amount +50000\.00 CNY$/m)
    const approved = await run('cases', 'approve', id, '--reason', 'known to us')
    assert.equal(approved.stdout, `${id} is approved: 1 of 1 approvals\n`)
    assert.equal(approved.code, 0)
    await eventually('the operation', async () => {
      const answer = await calls.call('mem_alice', 'GET', `/v1/operations/${operation}`)
      return answer.body.state === 'succeeded'
    })
    assert.match((await run('cases', 'show', id)).stdout, /^vote +approve by op_local at .*: known to us$/m)
  })

  test('a second vote on a case that is closed is refused, with 1 and the reason', async () => {
    const { id } = await holdTransfer('50000.00')
    const declined = await runJson('cases', 'decline', id)
    assert.equal(declined['state'], 'declined')
    const again = await run('cases', 'approve', id)
    assert.equal(again.code, 1)
    assert.match(again.stderr, /409 case_closed/)
  })

  test('a case is taken, noted upon and given back; what was decided by whom is in the receipt of the transfer', async () => {
    const { id } = await holdTransfer('50000.00')
    const taken = await run('cases', 'next', '--queue', 'desk', '--minutes', '5')
    assert.match(taken.stdout, /^has it +op_local until 20/m)
    assert.match((await run('cases', 'list', '--mine')).stdout, new RegExp(`^${id} .* op_local +20`, 'm'))
    assert.equal((await run('cases', 'note', id, '--text', 'Called her.')).code, 0)
    assert.match((await run('cases', 'show', id)).stdout, /op_local +noted +{"text":"Called her."}$/m)
    assert.match((await run('cases', 'release', id)).stdout, /^has it +nobody$/m)
    assert.match((await run('cases', 'assign', id, '--to', 'rita')).stdout, /^has it +rita until 20/m)
    assert.match((await run('cases', 'approve', id)).stderr, /403 reviewer_not_allowed: the case is assigned to rita/)
    await run('cases', 'release', id)
    assert.match((await run('cases', 'approve', id, '--seen', '2')).stderr, /409 case_changed/)
    assert.equal((await run('cases', 'decline', id, '--seen', '1', '--reason', 'not hers')).code, 0)
    assert.equal((await run('cases', 'raw', id)).stdout, 'No signed decisions.\n')
    const { receipt } = await runJson('cases', 'show', id)
    const explained = await run('explain', '--receipt', String(receipt))
    assert.match(explained.stdout, new RegExp(`^people +${id} is declined by op_local \\(decline\\): not hers$`, 'm'))
    assert.match((await run('cases', 'unowned')).stdout, /^each of \d+ holds has its case$/m)
  })

  test('a transfer is labelled, and a changed policy tried on what was recorded', async () => {
    const { id } = await holdTransfer('50000.00')
    await run('cases', 'decline', id)
    assert.equal((await run('cases', 'label', id, '--as', 'false_alarm')).stdout, `${id} is labelled false_alarm\n`)
    assert.equal((await calls.transfer('30000.00')).status, 201)
    const folder = join(platform.places.data, 'changed-policies')
    await cp(platform.places.policies, folder, { recursive: true })
    const shift = (text: string) =>
      text.replace(
        'rules:\n',
        "rules:\n  - { id: fine, match: { amount: { currency: CNY, from: '40000.00' } }, effect: accept }\n",
      )
    await editFile(join(folder, 'risk.yaml'), shift)
    const tried = await run('policy', 'backtest', folder, '--since', '1h')
    assert.equal(tried.code, 0, tried.stderr)
    assert.match(tried.stderr, /(\d+) of \1 assessments/)
    assert.match(tried.stdout, /^cases +\d+ then, \d+ now \(-\d+\)$/m)
    assert.match(tried.stdout, /^hold → accept +risk\/fine +\d+ +[\d.]+ CNY$/m)
    assert.match(tried.stdout, /^false alarms that are stopped +1 +50000.00 CNY +0$/m)
    const same = await run('policy', 'backtest')
    assert.match(same.stdout, /^Nothing is decided otherwise\.$/m)
    assert.equal((await run('cases', 'label', id)).code, 2)
  })

  test('a case that there is not is named as such', async () => {
    const { code, stderr } = await run('cases', 'show', 'case_none')
    assert.equal(code, 1)
    assert.match(stderr, /404 not_found/)
  })
})
