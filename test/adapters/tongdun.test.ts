import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { request } from 'undici'
import type { ScoreRequest } from '../../src/adapters/fraud/port.ts'
import { createTongdun, type TongdunOptions } from '../../src/adapters/fraud/tongdun.ts'
import { money } from '../../src/kernel/money.ts'
import { startFraudProvider } from '../../src/sandbox/fraud-provider.ts'
import type { StandIn } from '../../src/sandbox/stand-in.ts'
import { testBreaker } from '../support/breakers.ts'

const SECRET = 'sk_very_secret'
const never = new AbortController().signal

/** What the adapter logged, line by line. */
const lines: string[] = []
const log = pino(
  { level: 'trace' },
  new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk))
      done()
    },
  }),
)

let sandbox: StandIn
before(async () => {
  sandbox = await startFraudProvider({ host: '127.0.0.1', port: 0 })
})
after(() => sandbox.close())

const asked = (more: Partial<ScoreRequest> = {}): ScoreRequest => ({
  amount: money('CNY', 1_000n),
  from: 'acc_alice',
  to: 'acc_bob',
  reference: 'rent & deposit',
  ...{ device: '', session: '', level: '' },
  member: 'mem_alice',
  ip: '198.51.100.7',
  ...more,
})

async function withTongdun(
  options: Partial<TongdunOptions>,
  use: (tongdun: ReturnType<typeof createTongdun>) => Promise<void>,
) {
  const tongdun = createTongdun({
    url: sandbox.url,
    partnerCode: 'tidegate',
    secretKey: SECRET,
    eventId: 'transfer',
    log,
    breaker: testBreaker(),
    ...options,
  })
  await use(tongdun).finally(() => tongdun.close())
}

/** A provider that answers everything with the same status and body. */
async function withAnswer(status: number, body: string, use: (url: string, seen: string[]) => Promise<void>) {
  const seen: string[] = []
  const server: Server = createServer(async (incoming, outgoing) => {
    let form = ''
    for await (const chunk of incoming) form += String(chunk)
    seen.push(`${incoming.url} ${form}`)
    outgoing.writeHead(status, { 'content-type': 'application/json' }).end(body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen)
  } finally {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
}

const good = {
  success: true,
  reason_code: '',
  final_decision: 'Review',
  final_score: 60,
  seq_id: 'seq-1',
  hit_rules: [{ name: 'amount_high', id: '7' }],
  spend_time: 12,
}

test('a score carries decision, number, sequence id and the rules that were hit', async () => {
  await withAnswer(200, JSON.stringify(good), (url, seen) =>
    withTongdun({ url }, async (tongdun) => {
      assert.deepEqual(await tongdun.score(asked({ amount: money('CNY', 6_000_050n) }), never, null), {
        status: 'ok',
        decision: 'Review',
        score: 60,
        seqId: 'seq-1',
        hitRules: ['amount_high'],
      })
      const [path = '', form] = seen[0]?.split(' ') ?? []
      assert.equal(path, '/riskService/v1.1', 'the credential is not in the URL')
      assert.deepEqual(Object.fromEntries(new URLSearchParams(form)), {
        partner_code: 'tidegate',
        secret_key: SECRET,
        event_id: 'transfer',
        amount: '60000.50',
        currency: 'CNY',
        from: 'acc_alice',
        to: 'acc_bob',
        reference: 'rent & deposit',
        member: 'mem_alice',
        ip: '198.51.100.7',
      })
    }),
  )
})

for (const [name, status, body, reason] of [
  ['a decision that is no word', 200, JSON.stringify({ ...good, final_decision: 'May be' }), 'garbage'],
  ['a score that is no integer', 200, JSON.stringify({ ...good, final_score: '60' }), 'garbage'],
  ['a missing sequence id', 200, JSON.stringify({ ...good, seq_id: undefined }), 'garbage'],
  ['an empty body', 200, '', 'garbage'],
  ['half of an answer', 200, JSON.stringify(good).slice(0, 40), 'garbage'],
  ['more than any answer', 200, JSON.stringify({ ...good, padding: 'x'.repeat(100_000) }), 'garbage'],
  ['a refusal to score', 200, '{"success":false,"reason_code":"404"}', 'refused'],
  ['a client error', 403, JSON.stringify(good), 'status'],
  ['a server error', 503, '', 'status'],
] as const) {
  test(`${name} is no score: ${reason}`, async () => {
    await withAnswer(status, body, (url) =>
      withTongdun({ url }, async (tongdun) => {
        assert.deepEqual(await tongdun.score(asked(), never, null), { status: 'unavailable', reason })
      }),
    )
  })
}

test('a slow provider is given up at the deadline', async () => {
  await withTongdun({ deadlineMs: 100 }, async (tongdun) => {
    const score = await tongdun.score(asked({ reference: 'sandbox:slow' }), never, null)
    assert.deepEqual(score, { status: 'unavailable', reason: 'timeout' })
  })
})

test('a provider that is not there is unreachable', async () => {
  await withTongdun({ url: 'http://127.0.0.1:1' }, async (tongdun) => {
    assert.deepEqual(await tongdun.score(asked(), never, null), { status: 'unavailable', reason: 'unreachable' })
  })
})

test('a question is given up when the service stops', async () => {
  await withTongdun({ deadlineMs: 60_000 }, async (tongdun) => {
    const stop = new AbortController()
    const score = tongdun.score(asked({ reference: 'sandbox:slow' }), stop.signal, null)
    stop.abort()
    assert.deepEqual(await score, { status: 'unavailable', reason: 'unreachable' })
  })
})

test('what comes while all places are taken waits its turn, and the wait is not held against the provider', async () => {
  await withTongdun({ concurrentMax: 1, deadlineMs: 1_000 }, async (tongdun) => {
    const scores = await Promise.all(Array.from({ length: 200 }, () => tongdun.score(asked(), never, null)))
    assert.deepEqual(new Set(scores.map(({ status }) => status)), new Set(['ok']))
  })
})

test('a question for which there is no room to wait is not asked, and does not open the breaker', async () => {
  await withTongdun(
    { concurrentMax: 2, waitingMax: 0, deadlineMs: 150, breaker: testBreaker({ volume_min: 3 }) },
    async (tongdun) => {
      const slow = [1, 2].map(() => tongdun.score(asked({ reference: 'sandbox:slow' }), never, null))
      for (let further = 0; further < 10; further++)
        assert.deepEqual(await tongdun.score(asked(), never, null), { status: 'unavailable', reason: 'full' })
      await Promise.all(slow)
      assert.equal((await tongdun.score(asked(), never, null)).status, 'ok')
    },
  )
})

test('the breaker opens after many faults, then nothing goes out, and it closes once the provider is back', async () => {
  const calls = async () => ((await (await request(`${sandbox.url}/calls`)).body.json()) as { calls: number }).calls
  const breaker = testBreaker({ volume_min: 4, open_ms: 100 })
  await withTongdun({ breaker }, async (tongdun) => {
    const failing = asked({ reference: 'sandbox:error' })
    for (let fault = 0; fault < 4; fault++)
      assert.deepEqual(await tongdun.score(failing, never, `rcp_${fault}`), { status: 'unavailable', reason: 'status' })
    const before = await calls()
    for (let further = 0; further < 20; further++)
      assert.deepEqual(await tongdun.score(asked(), never, null), { status: 'unavailable', reason: 'breaker_open' })
    assert.equal(await calls(), before, 'an open breaker lets nothing out')
    assert.deepEqual(breaker.status().evidence, ['rcp_3', 'rcp_2', 'rcp_1', 'rcp_0'])
    while ((await tongdun.score(asked(), never, null)).status !== 'ok') await sleep(50)
    for (let probe = 0; probe < 2; probe++) assert.equal((await tongdun.score(asked(), never, null)).status, 'ok')
    assert.equal(breaker.status().state, 'closed')
  })
})

test('what is about our question, or the end of the service, is not held against the provider', async () => {
  const breaker = testBreaker({ volume_min: 2, error_share: 0 })
  for (const [status, body] of [
    [403, ''],
    [200, '{"success":false,"reason_code":"404"}'],
  ] as const) {
    await withAnswer(status, body, (url) =>
      withTongdun({ url, breaker }, async (tongdun) => {
        for (let n = 0; n < 3; n++) assert.equal((await tongdun.score(asked(), never, null)).status, 'unavailable')
      }),
    )
  }
  await withTongdun({ deadlineMs: 60_000, breaker }, async (tongdun) => {
    const stop = new AbortController()
    const scores = [1, 2, 3].map(() => tongdun.score(asked({ reference: 'sandbox:slow' }), stop.signal, null))
    stop.abort()
    await Promise.all(scores)
  })
  assert.deepEqual([breaker.status().state, breaker.status().counts.faults], ['closed', 0])
})

test('the credential is in no log line', () => {
  assert.ok(lines.length > 0)
  assert.ok(!lines.some((line) => line.includes(SECRET)))
})
