import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { assertRefused, type EdgeCalls, edgeCalls, movesNothing } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

const REQUESTS = 20
/** All members together. */
const SHARED = `
  - id: money-in-all
    match: { methods: [POST], paths: [/v1/transfers] }
    effect: { throttle: { limit: { currency: CNY, value: '600.00' }, per: 1d, key: route, cost: amount, onError: local } }
    owner: risk

examples:`

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform({
    database: 'pglite',
    config: (text) =>
      text
        .replace('admission: { requests: 6000, per_ms: 10000 }', 'admission: { requests: 100, per_ms: 600000 }')
        .replace('trusted_proxies: []', 'trusted_proxies: ["127.0.0.1/32"]'),
    policies: {
      'quota.yaml': (text) =>
        text
          .replace('limit: 1000, per: 10s', `limit: ${REQUESTS}, per: 1h`)
          .replace("value: '1000000.00'", "value: '500.00'")
          .replace('\nexamples:', SHARED),
    },
  })
  calls = edgeCalls(platform)
})
after(() => platform.close())

/** From an address of its own, so that the limit per address counts each test by itself. */
const from = (address: string) => ({ 'x-forwarded-for': address })

describe('how much is too much', () => {
  test('money beyond the quota of a day is refused; what is refused or fails does not count', async () => {
    const headers = from('198.51.100.1')
    assert.equal((await calls.transfer('300.00', { headers })).status, 201)
    await movesNothing(calls, async () => {
      const answer = await calls.transfer('200.01', { headers })
      assertRefused(answer, 'quota_exceeded')
      assert.equal(answer.body.rule, 'quota/member-money-per-day')
      assert.ok(Number(answer.headers['retry-after']) > 0)
      const nobody = {
        from: 'acc_alice',
        to: 'acc_nobody',
        amount: { currency: 'CNY', value: '200.00' },
        reference: 'r',
      }
      assertRefused(await calls.transfer('200.00', { headers, body: nobody }), 'unknown_reference')
    })
    assert.equal((await calls.transfer('200.00', { headers, key: 'the-rest' })).status, 201)
    const replayed = await calls.transfer('200.00', { headers, key: 'the-rest' })
    assert.deepEqual([replayed.status, replayed.headers['idempotency-replayed']], [201, 'true'])
    assertRefused(await calls.transfer('0.01', { headers }), 'quota_exceeded')
  })

  test('what a member has paid is not what somebody else pays, though both call it by one Idempotency-Key', async () => {
    const body = { from: 'acc_bob', to: 'acc_alice', amount: { currency: 'CNY', value: '200.00' }, reference: 'r' }
    const headers = from('198.51.100.5')
    const answer = await calls.call('operator', 'POST', '/v1/transfers', { headers, body, key: 'the-rest' })
    assertRefused(answer, 'quota_exceeded')
    assert.equal(answer.body.rule, 'quota/money-in-all')
  })

  test("a member's requests are counted, told in headers, and refused with the time to wait", async () => {
    const headers = from('198.51.100.2')
    const read = () => calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob', { headers })
    const first = await read()
    assert.equal(first.headers['ratelimit-policy'], `"member-requests";q=${REQUESTS};w=3600`)
    assert.match(first.headers['ratelimit'] ?? '', new RegExp(`^"member-requests";r=${REQUESTS - 1};t=\\d+$`))
    for (let n = 1; n < REQUESTS; n++) assert.equal((await read()).status, 200)
    const refused = await read()
    assertRefused(refused, 'quota_exceeded')
    assert.equal(refused.body.rule, 'quota/member-requests')
    const resetS = Number(/;r=0;t=(\d+)$/.exec(refused.headers['ratelimit'] ?? '')?.[1])
    assert.ok(Number(refused.headers['retry-after']) >= resetS && resetS > 0)
    const carol = await calls.call('mem_carol', 'GET', '/v1/products/prd_basic', { headers })
    assert.equal(carol.status, 200, 'the quota is per member')
  })

  test('an address that asks too often is refused before anyone asks who it is (express-rate-limit)', async () => {
    const headers = from('198.51.100.3')
    const ask = () => calls.call(null, 'GET', '/nowhere', { headers })
    for (let n = 0; n < 100; n++) assertRefused(await ask(), 'route_not_found')
    const refused = await ask()
    assertRefused(refused, 'quota_exceeded')
    assert.equal(refused.body.rule, 'admission/address')
    assert.match(refused.headers['ratelimit'] ?? '', /^"address";r=0;t=\d+$/)
    assert.ok(Number(refused.headers['retry-after']) >= 1)
    assertRefused(await calls.call(null, 'GET', '/nowhere', { headers: from('198.51.100.4') }), 'route_not_found')
    const spoofed = from('198.51.100.99, 198.51.100.3') // what stands left of the last untrusted hop is the client's word
    assertRefused(await calls.call(null, 'GET', '/nowhere', { headers: spoofed }), 'quota_exceeded')
  })
})
