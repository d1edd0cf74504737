import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { operationIdOf } from '../../src/kernel/operation-id.ts'
import { assertRefused, type EdgeCalls, edgeCalls, eventually, movesNothing } from '../support/edge-calls.ts'
import { exposedIn } from '../support/exposed-metrics.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { type Relay, startRelay } from '../support/relay.ts'

let platform: TestPlatform
let calls: EdgeCalls
let cashFlow: Relay
let risk: Relay
let issuer: Relay

before(async () => {
  ;[cashFlow, risk, issuer] = await Promise.all([startRelay(), startRelay(), startRelay()])
  platform = await startTestPlatform({
    environment: { TIDEGATE_URL_RISK: risk.url },
    config: (text) =>
      text
        .replace(/(cash-flow: \{ url: )"[^"]+"(, passport: true, timeout_ms: )\d+/, `$1"${cashFlow.url}"$21200`)
        .replace(/jwks: "[^/]+/, `jwks: "${issuer.url}`),
  })
  cashFlow.leadTo(platform.urls['cash-flow'])
  risk.leadTo(platform.urls.risk)
  issuer.leadTo(platform.urls['identity-provider'])
  calls = edgeCalls(platform)
})
after(async () => {
  await platform.close()
  await Promise.all([cashFlow.close(), risk.close(), issuer.close()])
})
beforeEach(() => Promise.all([cashFlow.become('pass'), risk.become('pass')]))

describe('when a part is away', () => {
  test("without the issuer's keys nobody is let in, and with them everybody is again", async () => {
    await issuer.become('refuse')
    const answer = await calls.transfer('1.00')
    assertRefused(answer, 'dependency_unavailable')
    await issuer.become('pass')
    const account = await eventually('the keys are fetched again', async () => {
      const again = await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice')
      return again.status === 200 && again.body
    })
    assert.equal(account.balance.posted.value, '100000.00')
  })

  test('a service that can not be reached: 503, nothing was done, and the same key works later', async () => {
    await movesNothing(calls, async () => {
      await cashFlow.become('refuse')
      const answer = await calls.transfer('1.00', { key: 'away' })
      assertRefused(answer, 'upstream_unavailable')
      assert.match(answer.body.detail, /nothing was sent/)
      assert.ok(Number(answer.headers['retry-after']) >= 1)
      await cashFlow.become('pass')
    })
    const again = await calls.transfer('1.00', { key: 'away' })
    assert.deepEqual([again.status, again.headers['idempotency-replayed']], [201, undefined])
  })

  test('risk control away: no transfer passes unasked', async () => {
    await movesNothing(calls, async () => {
      await risk.become('refuse')
      assertRefused(await calls.transfer('1.00', { key: 'unasked' }), 'dependency_unavailable')
      await risk.become('cut')
      assertRefused(await calls.transfer('1.00', { key: 'unasked' }), 'dependency_unavailable')
    })
    await risk.become('pass')
    assert.equal((await calls.transfer('1.00', { key: 'unasked' })).status, 201)
  })

  /** In fen. A transfer may take several entries, so a version tells nothing here. */
  const postedOfAlice = async (): Promise<bigint> => {
    const { body } = await calls.call('operator', 'GET', '/v1/accounts/acc_alice')
    return BigInt((body.balance.posted.value as string).replace('.', ''))
  }

  for (const mode of ['lose', 'hang'] as const) {
    test(`a transfer whose answer is lost (${mode}) is 202 unknown, with the operation named; it moved once`, async () => {
      const before = await postedOfAlice()
      await cashFlow.become(mode)
      const key = `lost-${mode}`
      const answer = await calls.transfer('3.00', { key })
      const operation = operationIdOf('mem_alice', key)
      assert.equal(answer.status, 202, answer.text)
      assert.deepEqual([answer.body.state, answer.body.operation], ['unknown', operation])
      assert.equal(answer.headers['location'], `/v1/operations/${operation}`)
      assert.match(answer.headers['tidegate-receipt'] ?? '', /^rcp_/)
      await cashFlow.become('pass')
      const known = await calls.call('mem_alice', 'GET', `/v1/operations/${operation}`)
      assert.equal(known.body.state, 'succeeded', known.text)
      const again = await calls.transfer('3.00', { key })
      assert.deepEqual([again.status, again.headers['idempotency-replayed']], [201, 'true'])
      assert.equal(before - (await postedOfAlice()), 300n)
    })
  }

  test('a transfer that never arrived is 202 unknown too, and the same key makes it', async () => {
    await movesNothing(calls, async () => {
      await cashFlow.become('cut')
      const answer = await calls.transfer('3.00', { key: 'never-arrived' })
      assert.deepEqual([answer.status, answer.body.state], [202, 'unknown'])
      await cashFlow.become('pass')
      assertRefused(await calls.call('mem_alice', 'GET', `/v1/operations/${answer.body.operation}`), 'not_found')
    })
    const again = await calls.transfer('3.00', { key: 'never-arrived' })
    assert.deepEqual([again.status, again.headers['idempotency-replayed']], [201, undefined])
  })

  test('reading is told apart: no answer in time is 504, a broken one 502', async () => {
    await cashFlow.become('hang')
    assertRefused(await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice'), 'upstream_timeout')
    await cashFlow.become('cut')
    assertRefused(await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice'), 'upstream_failed')
  })

  test('the metrics tell what is unknown of money from what is lost of a read', async () => {
    const { text } = await calls.operate('operator', 'GET', '/metrics')
    const series = exposedIn(text).get('tidegate_upstream_requests_total')?.series ?? []
    const countOf = (outcome: string) =>
      series.find(({ labels }) => labels['upstream'] === 'cash-flow' && labels['outcome'] === outcome)?.value
    assert.deepEqual([countOf('unknown'), countOf('lost')], [3, 2])
  })

  test('the breaker (opossum) opens after failures, spares the service, says so, and closes again', async () => {
    const breaker = async (): Promise<string> => {
      const { body } = await calls.operate('operator', 'GET', '/v1/breakers')
      return body.items.find(({ name }: { name: string }) => name === 'cash-flow').state
    }
    const { body: made } = await calls.transfer('1.00', { key: 'before-the-breaker' })
    await cashFlow.become('cut')
    const read = () => calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice')
    await eventually('the breaker opens', async () => (await read()).body.detail?.includes('breaker'), 20_000)
    const taken = cashFlow.taken()
    for (let n = 0; n < 5; n++) {
      const answer = await read()
      assertRefused(answer, 'upstream_unavailable')
      assert.match(answer.body.detail, /the breaker of cash-flow is open since \S+Z; nothing was sent/)
      assert.equal(answer.body.rule, 'breaker/cash-flow')
      assert.ok(Number(answer.headers['retry-after']) >= 1)
    }
    const events = await calls.call('mem_alice', 'GET', `/v1/operations/${made.operation}/events`)
    assertRefused(events, 'upstream_unavailable')
    assertRefused(await calls.transfer('1.00', { key: 'open' }), 'upstream_unavailable')
    assert.equal(cashFlow.taken(), taken, 'no connection reaches the service behind an open breaker')
    assert.equal(await breaker(), 'open')
    assert.match((await calls.call('mem_alice', 'GET', '/v1/members/mem_alice')).body.id, /mem_alice/)
    await cashFlow.become('pass')
    await eventually('a probe gets through', async () => (await read()).status === 200, 15_000)
    assert.equal(await breaker(), 'half_open', 'one good answer is not enough')
    for (let probes = 0; probes < 2; probes++) assert.equal((await read()).status, 200)
    assert.equal(await breaker(), 'closed')
    assert.equal((await calls.transfer('1.00', { key: 'open' })).status, 201)
  })
})
