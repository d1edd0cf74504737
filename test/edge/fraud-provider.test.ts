import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { request } from 'undici'
import { assertRefused, type EdgeCalls, edgeCalls, movesNothing } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform()
  calls = edgeCalls(platform)
})
after(() => platform.close())

async function providerIs(state: { readonly down: boolean }): Promise<void> {
  const url = `${platform.urls['fraud-provider']}/control`
  const headers = { 'content-type': 'application/json' }
  const answer = await request(url, { method: 'POST', headers, body: JSON.stringify(state) })
  assert.deepEqual(await answer.body.json(), state)
}

/** Held: 202, the money is reserved and none of it posted. */
async function assertHeld(value: string, reference: string, rule: string): Promise<void> {
  const balance = async () => (await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice')).body.balance
  const before = await balance()
  const answer = await calls.transfer(value, { reference })
  assert.equal(answer.status, 202, answer.text)
  assert.equal(answer.body.state, 'held')
  assert.equal(answer.headers['location'], `/v1/operations/${answer.body.operation}`)
  const receipt = await calls.operate('operator', 'GET', `/v1/receipts/${answer.headers['tidegate-receipt']}`)
  assert.equal(receipt.body.rule, rule, receipt.text)
  const after = await balance()
  assert.equal(after.posted.value, before.posted.value)
  assert.equal(Number(after.pending.value) - Number(before.pending.value), Number(value))
  const operation = await calls.call('mem_alice', 'GET', `/v1/operations/${answer.body.operation}`)
  assert.equal(operation.body.state, 'held')
}

describe('the fraud provider', () => {
  test('answering 5xx: held for a person', () => assertHeld('1.00', 'sandbox:error', 'risk/unavailable-small'))
  test('answering garbage: held for a person', () => assertHeld('2.00', 'sandbox:garbage', 'risk/unavailable-small'))
  test('too slow: held for a person', () => assertHeld('3.00', 'sandbox:slow', 'risk/unavailable-small'))

  test('down: held for a person, or for two from 80000.00', async () => {
    await providerIs({ down: true })
    await assertHeld('4.00', 'lunch', 'risk/unavailable-small')
    await assertHeld('80000.00', 'a car', 'risk/unavailable')
    await providerIs({ down: false })
  })

  test('back again after more failures than its breaker takes: transfers pass again', async () => {
    await providerIs({ down: true })
    for (let n = 0; n < 12; n++) assert.equal((await calls.transfer('1.00', { key: `many-${n}` })).status, 202)
    await providerIs({ down: false })
    const deadline = performance.now() + 30_000
    let answer = await calls.transfer('1.00', { key: 'back-0' })
    for (let n = 1; answer.status !== 201 && performance.now() < deadline; n++) {
      await new Promise((done) => setTimeout(done, 500))
      answer = await calls.transfer('1.00', { key: `back-${n}` })
    }
    assert.equal(answer.status, 201, answer.text)
  })

  test('a retry gets the first verdict and is not scored again', async () => {
    const scores = async () => {
      const answer = await request(`${platform.urls['fraud-provider']}/calls`)
      return ((await answer.body.json()) as { calls: number }).calls
    }
    await movesNothing(calls, async () => {
      const options = { key: 'rejected-once' }
      const first = await calls.transfer('95000.00', options)
      assertRefused(first, 'risk_rejected')
      assert.equal(first.body.rule, 'risk/provider-rejects')
      const before = await scores()
      assertRefused(await calls.transfer('95000.00', options), 'risk_rejected')
      assert.equal(await scores(), before)
    })
  })
})
