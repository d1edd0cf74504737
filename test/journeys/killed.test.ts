import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { issueToken } from '../../src/sandbox/identity-provider.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { type PreparedPlatform, prepareTestPlatform, urlsOf } from '../support/platform.ts'
import { startTidegate, type TidegateProcess } from '../support/tidegate-process.ts'

let prepared: PreparedPlatform
let running: TidegateProcess
let calls: EdgeCalls

before(async () => {
  prepared = await prepareTestPlatform({ database: 'pglite' })
  running = await start()
  const urls = urlsOf(prepared.environment)
  calls = edgeCalls({
    urls,
    token: async (who: string) => {
      const whom = who === 'operator' ? { operator: 'op_olga' } : { member: who }
      return (await issueToken(urls['identity-provider'], whom)).access_token
    },
  })
})
after(async () => {
  running.child.kill('SIGKILL')
  await running.exited
  await prepared.remove()
})

async function start(): Promise<TidegateProcess> {
  const tidegate = startTidegate(['start'], prepared.environment)
  await eventually(
    'the platform is ready',
    async () => {
      if (tidegate.child.exitCode !== null) throw new Error(tidegate.output())
      return tidegate.output().includes('Tidegate is ready')
    },
    60_000,
  )
  return tidegate
}

describe('a platform that is killed', () => {
  test('with transfers in flight: the same keys again, and each has moved its money once', async () => {
    const held = await calls.transfer('60000.00', { key: 'held' })
    assert.equal(held.status, 202, held.text)
    const keys = Array.from({ length: 40 }, (_, n) => `in-flight-${n}`)
    const answered = new Map<string, string>()
    const inFlight = keys.map(async (key) => {
      const { status, body } = await calls.transfer('1.00', { key })
      if (status === 201) answered.set(key, body.id)
    })
    await eventually('some are answered', async () => answered.size >= 5)
    running.child.kill('SIGKILL')
    await Promise.allSettled(inFlight)
    await running.exited
    assert.ok(answered.size < keys.length, 'some were in flight')

    running = await start()
    const ids = new Map<string, string>()
    for (const key of keys) {
      const { status, body, headers, text } = await calls.transfer('1.00', { key })
      assert.equal(status, 201, text)
      ids.set(key, body.id)
      if (answered.has(key)) assert.deepEqual([body.id, headers['idempotency-replayed']], [answered.get(key), 'true'])
    }
    assert.equal(new Set(ids.values()).size, keys.length)
    const bob = await calls.call('operator', 'GET', '/v1/accounts/acc_bob')
    assert.equal(bob.body.balance.posted.value, '100040.00')
    const alice = await calls.call('operator', 'GET', '/v1/accounts/acc_alice')
    assert.deepEqual([alice.body.balance.posted.value, alice.body.balance.pending.value], ['99960.00', '60000.00'])
  })

  test('keeps its held cases, which can be decided after the start', async () => {
    const open = await eventually('the case is there', async () => {
      const { body } = await calls.operate('operator', 'GET', '/v1/cases?state=open')
      return body.items[0]
    })
    const vote = { vote: 'approve', reason: 'survived' }
    const answer = await calls.operate('operator', 'POST', `/v1/cases/${open.id}/votes`, { body: vote })
    assert.deepEqual([answer.status, answer.body.state], [200, 'approved'], answer.text)
    await eventually('the transfer is posted', async () => {
      const { body } = await calls.call('mem_alice', 'GET', `/v1/transfers/${open.transfer}`)
      return body.state === 'posted'
    })
    const bob = await calls.call('operator', 'GET', '/v1/accounts/acc_bob')
    assert.equal(bob.body.balance.posted.value, '160040.00')
  })

  test('ends in order on SIGTERM', async () => {
    running.child.kill('SIGTERM')
    assert.equal(await running.exited, 0, running.output())
  })
})
