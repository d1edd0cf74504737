import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { assertRefused, type EdgeCalls, edgeCalls, eventually, movesNothing } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { type Relay, startRelay } from '../support/relay.ts'

const FAST = 'breaker: { volume_min: 3, open_ms: 100 }'
const REASON = { reason: 'the partner moves house' }

let platform: TestPlatform
let calls: EdgeCalls
let risk: Relay
let membership: Relay
/** What the partner answers, and how many requests it has seen. */
let status = 200
let seen = 0
const partner = createServer((_request, response) => {
  seen += 1
  response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
})

before(async () => {
  await new Promise<void>((done) => partner.listen(0, '127.0.0.1', done))
  ;[risk, membership] = await Promise.all([startRelay(), startRelay()])
  const { port } = partner.address() as AddressInfo
  const upstream = `  partner: { url: "http://127.0.0.1:${port}", timeout_ms: 2000, running_max: 50, ${FAST} }\n`
  const route = `  - { id: partner.rates, path: /rates, methods: [GET], upstream: partner, scopes: [products:read] }\n`
  platform = await startTestPlatform({
    environment: { TIDEGATE_URL_RISK: risk.url, TIDEGATE_URL_MEMBERSHIP: membership.url },
    config: (text) =>
      text
        .replace('\nupstreams:\n', `\nupstreams:\n${upstream}`)
        .replace('\nroutes:\n', `\nroutes:\n${route}`)
        .replace('assess_timeout_ms: 10000', 'assess_timeout_ms: 10000\n  breaker: { volume_min: 3, open_ms: 2000 }')
        .replace('deadline_ms: 2000', 'deadline_ms: 2000\n    breaker: { volume_min: 3, open_ms: 600000 }'),
  })
  risk.leadTo(platform.urls.risk)
  membership.leadTo(platform.urls.membership)
  calls = edgeCalls(platform)
})
after(async () => {
  await platform.close()
  await Promise.all([risk.close(), membership.close()])
  partner.closeAllConnections()
  partner.close()
})

const rates = () => calls.call('mem_alice', 'GET', '/rates')
const receiptOf = (answer: { headers: Record<string, string> }) => answer.headers['tidegate-receipt'] ?? ''

async function board() {
  const { status: code, body } = await calls.operate('operator', 'GET', '/v1/breakers')
  assert.equal(code, 200)
  return body as {
    items: { name: string; state: string; since: string; forced: unknown; retryAt: string; evidence: string[] }[]
    events: { name: string; event: string; by: string | null; reason: string | null; evidence: string[] }[]
    away: string[]
  }
}
async function breaker(name: string) {
  const found = (await board()).items.find((item) => item.name === name)
  assert.ok(found, `there is a breaker ${name}`)
  return found
}
const force = (name: string, body: object, who: 'operator' | 'mem_alice' = 'operator') =>
  calls.operate(who, 'POST', `/v1/breakers/${name}`, { body: { ...REASON, ...body } })

describe('a breaker', () => {
  test('does not open by answers that are about the request', async () => {
    status = 404
    for (let n = 0; n < 10; n++) assert.equal((await rates()).status, 404)
    assert.equal((await breaker('partner')).state, 'closed')
  })

  test('that is open refuses with its name, its time, and receipts that an operator can look up', async () => {
    status = 500
    const failed: string[] = []
    const refused = await eventually('the breaker opens', async () => {
      const answer = await rates()
      if (answer.status === 503) return answer
      failed.unshift(receiptOf(answer))
      return null
    })
    assertRefused(refused, 'upstream_unavailable')
    const { name, since, receipts } = refused.body.breaker
    assert.deepEqual([refused.body.rule, name, receipts], ['breaker/partner', 'partner', failed.slice(0, 10)])
    assert.match(refused.body.detail, new RegExp(`^the breaker of partner is open since ${since}; nothing was sent$`))
    assert.equal(refused.headers['retry-after'], '1')
    const found = await eventually('the receipt', async () => {
      const answer = await calls.operate('operator', 'GET', `/v1/receipts/${receipts[0]}`)
      return answer.status === 200 && answer.body
    })
    assert.deepEqual([found.route, found.status], ['partner.rates', 500])
    const told = (await board()).events[0]
    assert.deepEqual([told?.name, told?.event, told?.evidence], ['partner', 'opened', receipts])
  })

  test('closes after three good probes', async () => {
    status = 200
    await eventually('a probe gets through', async () => (await rates()).status === 200)
    assert.equal((await breaker('partner')).state, 'half_open')
    for (let n = 0; n < 2; n++) assert.equal((await rates()).status, 200)
    assert.equal((await breaker('partner')).state, 'closed')
    const { text } = await calls.operate('operator', 'GET', '/metrics')
    assert.match(text, /^tidegate_breaker_state\{name="partner"\} 0$/m)
    assert.match(text, /^tidegate_breaker_state\{name="risk:fraud-provider"\} 0$/m)
    assert.match(text, /^tidegate_breaker_events_total\{name="partner",event="opened"\} [1-9]$/m)
    assert.match(text, /^tidegate_breaker_events_total\{name="partner",event="closed"\} 1$/m)
  })
})

describe('an operator', () => {
  test('keeps a breaker open: nothing is sent, callers are not told by whom, operators are', async () => {
    const forced = await force('partner', { force: 'open' })
    const who = { to: 'open', by: 'op_olga', ...REASON, until: null }
    assert.deepEqual([forced.status, forced.body.state, forced.body.forced], [200, 'open', who])
    const before = seen
    const refused = await rates()
    assertRefused(refused, 'upstream_unavailable')
    assert.match(refused.body.detail, /an operator keeps it so since/)
    assert.ok(!refused.text.includes('olga'))
    assert.equal(seen, before)
    const [event] = (await board()).events
    assert.deepEqual([event?.event, event?.by, event?.reason], ['forced_open', 'op_olga', REASON.reason])
    assert.equal((await force('partner', { force: null })).body.forced, null)
    for (let n = 0; n < 3; n++) assert.equal((await rates()).status, 200)
    assert.equal((await breaker('partner')).state, 'closed')
  })

  test('keeps a breaker closed, for a time', async () => {
    const until = new Date(Date.now() + 60_000).toISOString()
    assert.equal((await force('partner', { force: 'closed', until })).body.forced.until, until)
    status = 500
    for (let n = 0; n < 10; n++) assert.equal((await rates()).status, 500)
    status = 200
    await force('partner', { force: null })
  })

  test("sees and forces risk control's breaker of the fraud provider, too: transfers are held", async () => {
    assert.equal((await force('risk:fraud-provider', { force: 'open' })).status, 200)
    const { forced, state } = await breaker('risk:fraud-provider')
    assert.deepEqual([state, (forced as { by: string }).by], ['open', 'op_olga'])
    assert.equal((await calls.transfer('1.00')).status, 202)
    assert.equal((await force('risk:fraud-provider', { force: 'closed' })).status, 200)
    assert.equal((await calls.transfer('1.00')).status, 201)
    const events = (await board()).events.filter(({ name }) => name === 'risk:fraud-provider')
    assert.deepEqual(
      events.map(({ event, by }) => [event, by]),
      [
        ['forced_closed', 'op_olga'],
        ['forced_open', 'op_olga'],
      ],
    )
    await force('risk:fraud-provider', { force: null })
  })

  test('may say what is asked for only, and nobody else may say anything', async () => {
    for (const body of [{}, { force: 'ajar' }, { force: 'open', reason: '' }, { force: 'open', further: 1 }])
      assert.equal((await force('partner', body)).status, 400, JSON.stringify(body))
    assert.equal((await force('partner', { force: 'open', until: '2020-01-01T00:00:00Z' })).status, 422)
    for (const name of ['nobody', 'risk:nobody', 'settlement:nobody'])
      assert.equal((await force(name, { force: 'open' })).status, 404, name)
    const member = await force('partner', { force: 'open' }, 'mem_alice')
    assert.deepEqual([member.status, member.body.code], [403, 'insufficient_scope'])
    assert.equal((await breaker('partner')).forced, null)
  })

  test('is not heard by a token that may have been taken back, while nobody knows', async () => {
    await membership.become('refuse')
    const unheard = await eventually('the news are stale', async () => {
      const answer = await force('partner', { force: 'closed' })
      return answer.status === 503 && answer
    })
    assert.equal(unheard.body.code, 'dependency_unavailable')
    const changes = { '/v1/policies/rollback': {}, '/v1/ledger/rebuild': {}, '/v1/revocations': { sub: 'mem_bob' } }
    for (const [path, body] of Object.entries(changes)) {
      const change = await calls.operate('operator', 'POST', path, { body })
      assert.deepEqual([change.status, change.body.code], [503, 'dependency_unavailable'], path)
    }
    assert.equal((await calls.operate('operator', 'GET', '/v1/policies')).status, 200, 'who only looks is answered')
    await membership.become('pass')
    await eventually('it is heard', async () => (await force('partner', { force: null })).status === 200)
  })
})

describe('risk control away', () => {
  test('is not waited for again and again: refused at once, by a breaker with a name', async () => {
    await movesNothing(calls, async () => {
      await risk.become('cut')
      await eventually('it opens', async () => {
        assertRefused(await calls.transfer('1.00'), 'dependency_unavailable')
        return (await breaker('edge:risk')).state === 'open'
      })
      const taken = risk.taken()
      await risk.become('refuse')
      const refused = await calls.transfer('1.00')
      assertRefused(refused, 'dependency_unavailable')
      assert.deepEqual([refused.body.rule, refused.body.breaker.name], ['breaker/edge:risk', 'edge:risk'])
      assert.match(refused.body.breaker.receipts[0], /^rcp_/)
      assert.equal(risk.taken(), taken)
      assert.deepEqual((await board()).away, ['risk'], 'the other breakers are shown all the same')
    })
    await risk.become('pass')
    await eventually('transfers pass again', async () => (await calls.transfer('1.00')).status === 201)
  })
})
