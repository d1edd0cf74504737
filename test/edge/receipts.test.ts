import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { isSampled } from '../../src/edge/sampling.ts'
import { type Sealed, unseal } from '../../src/edge/sealing.ts'
import { readUnsealingKey } from '../../src/edge/sealing-key.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

const TRIAL = `
  - id: trial
    match: { paths: [/v1/products/prd_trial] }
    effect: deny
    mode: shadow
    owner: security
    ticket: SEC-1
    expires: 2126-01-01T00:00:00Z
`
const CURIOUS = `
  - id: curious
    match: { paths: [/v1/accounts/acc_bob] }
    when: request.headers[?'x-curious'].orValue('') == 'yes' || request.headers[?'authorization'].orValue('') == ''
    effect: deny
`

let platform: TestPlatform
let calls: EdgeCalls
before(async () => {
  platform = await startTestPlatform({
    config: (text) => text.replace('allowed_sample: 1', 'allowed_sample: 0'),
    policies: { 'firewall.yaml': (text) => text.replace('\nexamples:', `${TRIAL}${CURIOUS}\nexamples:`) },
  })
  calls = edgeCalls(platform)
})
after(() => platform.close())

/** Without it a rule in shadow matters to every request. */
const AGENT = { 'user-agent': 'test' }

type Answered = Awaited<ReturnType<EdgeCalls['call']>>
const receiptOf = (answer: Answered): string => answer.headers['tidegate-receipt'] ?? ''
const read = (answer: Answered) => calls.operate('operator', 'GET', `/v1/receipts/${receiptOf(answer)}`)

async function kept(answer: Answered) {
  return eventually('the receipt', async () => {
    const { status, body } = await read(answer)
    return status === 200 && body
  })
}

const keyOf = () => readUnsealingKey(join(platform.places.data, 'keys/receipts.private.json'))

describe('a receipt', () => {
  test('seals what tells of a person, and opens with the private key; credentials are in neither', async () => {
    const headers = { 'x-curious': 'yes' }
    const answer = await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob?note=rent', { headers })
    assert.equal(answer.body.rule, 'firewall/curious')
    const receipt = await kept(answer)
    assert.equal(receipt.facts.request.path, '/v1/accounts/acc_bob')
    assert.deepEqual(receipt.withheld, ['request.headers.authorization'])
    const file = await readFile(join(platform.places.data, 'decisions/decisions.jsonl'), 'utf8')
    for (const secret of ['x-curious', 'rent', 'Bearer', 'eyJ']) {
      assert.ok(
        file.split('\n').every((line) => line.startsWith('{"contentKey"') || !line.includes(secret)),
        secret,
      )
    }
    const sealed = (await unseal(receiptOf(answer), receipt.sealed as Sealed, receipt.jwe, keyOf())) as {
      request: { headers: Record<string, string>; query: unknown }
    }
    assert.equal(sealed.request.headers['x-curious'], 'yes')
    assert.equal(sealed.request.headers['authorization'], '(withheld)')
  })

  test('of a plainly allowed request is kept by its part, and one left out says so', async () => {
    const answer = await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob', { headers: AGENT })
    assert.equal(answer.status, 200)
    await kept(await calls.call(null, 'GET', '/nowhere')) // written after it
    const { status, body } = await read(answer)
    assert.equal(status, 404)
    assert.match(body.detail, /^not recorded/)
    assert.doesNotMatch((await calls.operate('operator', 'GET', '/v1/receipts/nothing')).body.detail, /not recorded/)
  })

  test('is kept when a rule in shadow mattered, or when the transfer was held', async () => {
    const trial = await kept(await calls.call('mem_bob', 'GET', '/v1/products/prd_trial', { headers: AGENT }))
    assert.deepEqual(trial.considered[0], { rule: 'firewall/trial', outcome: 'shadow', mode: 'shadow', effect: 'deny' })
    assert.equal((await kept(await calls.transfer('50000.00'))).assessment.outcome, 'hold')
  })
})

test('the sample follows from the receipt, and is about as large as it is said to be', () => {
  const receipts = Array.from({ length: 2_000 }, (_, index) => `rcp_${index}`)
  const counts = [0, 0.1, 0.5, 1].map((part) => receipts.filter((receipt) => isSampled(receipt, part)).length)
  assert.deepEqual([counts[0], counts[3]], [0, 2_000])
  assert.ok((counts[1] ?? 0) > 120 && (counts[1] ?? 0) < 280, String(counts[1]))
  assert.ok((counts[2] ?? 0) > 850 && (counts[2] ?? 0) < 1_150, String(counts[2]))
  for (const receipt of receipts.slice(0, 100)) assert.ok(!isSampled(receipt, 0.1) || isSampled(receipt, 0.5))
})
