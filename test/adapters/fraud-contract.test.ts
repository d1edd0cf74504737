import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createJsonProvider, type JsonProviderOptions } from '../../src/adapters/fraud/json-provider.ts'
import { measured } from '../../src/adapters/fraud/measured.ts'
import type { FraudProvider, Score, ScoreRequest } from '../../src/adapters/fraud/port.ts'
import { createTongdun } from '../../src/adapters/fraud/tongdun.ts'
import { money } from '../../src/kernel/money.ts'
import { testBreaker } from '../support/breakers.ts'
import { recordingLog } from '../support/recording-log.ts'

/** Answers as they were recorded, with what is to be made of them. */
type Recorded = {
  readonly name: string
  readonly answer: unknown
  readonly score?: Score
  readonly unavailable?: string
}
const recordedIn = (file: string): readonly Recorded[] =>
  JSON.parse(readFileSync(new URL(`./recorded/${file}.json`, import.meta.url), 'utf8'))

const SECRET = 'a-credential-that-nobody-may-read'
const never = new AbortController().signal
const REQUEST: ScoreRequest = {
  ...{ amount: money('CNY', 6_000_050n), from: 'acc_alice', to: 'acc_bob', reference: 'rent', member: 'mem_alice' },
  ...{ ip: '198.51.100.7', device: 'device-1', session: 'sid-1', level: 'gold' },
}
type Seen = { readonly url: string; readonly headers: IncomingHttpHeaders; readonly body: string }

/** A provider that gives one answer, and what it was asked. */
async function withAnswer(answer: unknown, use: (url: string, seen: Seen[]) => Promise<void>): Promise<void> {
  const seen: Seen[] = []
  const server = createServer(async (incoming, outgoing) => {
    const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>)).toString('utf8')
    seen.push({ url: incoming.url ?? '', headers: incoming.headers, body })
    outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen)
  } finally {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
}

const { log, lines } = recordingLog()
const guard = (name: string) => ({ name, log, breaker: testBreaker() })
const tongdun = (url: string): FraudProvider =>
  createTongdun({
    ...guard('tongdun'),
    ...{ url, partnerCode: 'tidegate', secretKey: SECRET, eventId: 'transfer' },
    fields: { black_box: 'device', token_id: 'session', account_level: 'level' },
  })
const JSON_OPTIONS: Omit<JsonProviderOptions, 'name' | 'log' | 'breaker' | 'url'> = {
  credential: { header: 'authorization', value: `Bearer ${SECRET}` },
  question: { 'payment.amount': 'amount', 'payment.currency': 'currency', 'who.device': 'device', who_id: 'member' },
  answer: { decision: 'result.verdict', score: 'result.risk', seqId: 'requestId', hitRules: 'result.signals' },
  decisions: { APPROVE: 'Accept', CHALLENGE: 'Review', DENY: 'Reject' },
}
const json = (url: string): FraudProvider =>
  createJsonProvider({ ...guard('json'), ...JSON_OPTIONS, url: `${url}/score` })

for (const [file, create] of [['tongdun', tongdun] as const, ['json', json] as const]) {
  for (const { name, answer, score, unavailable } of recordedIn(file)) {
    test(`${file}: ${name}`, async () => {
      await withAnswer(answer, async (url) => {
        const provider = create(url)
        const expected = score ?? { status: 'unavailable', reason: unavailable }
        assert.deepEqual(await provider.score(REQUEST, never, null).finally(() => provider.close()), expected)
      })
    })
  }
}

test('what goes out is what the configuration says, in the shape that it says', async () => {
  await withAnswer({}, async (url, seen) => {
    const [one, other] = [tongdun(url), json(url)]
    await one.score(REQUEST, never, null)
    await other.score(REQUEST, never, null)
    await Promise.all([one.close(), other.close()])
    const form = Object.fromEntries(new URLSearchParams(seen[0]?.body))
    assert.deepEqual(
      [form['black_box'], form['token_id'], form['account_level'], form['amount']],
      ['device-1', 'sid-1', 'gold', '60000.50'],
    )
    assert.deepEqual(JSON.parse(seen[1]?.body ?? ''), {
      payment: { amount: '60000.50', currency: 'CNY' },
      who: { device: 'device-1' },
      who_id: 'mem_alice',
    })
    assert.equal(seen[1]?.headers.authorization, `Bearer ${SECRET}`)
    for (const { url: asked } of seen) assert.ok(!asked.includes(SECRET), 'no URL holds a credential')
  })
})

test('details are a second call under the id of the score, and no answer is none', async () => {
  await withAnswer({ success: true, rules: [{ name: 'amount' }] }, async (url, seen) => {
    const provider = tongdun(url)
    assert.deepEqual(await provider.details('seq-1', never), { success: true, rules: [{ name: 'amount' }] })
    const [call] = seen
    assert.equal(call?.url, '/riskService/hitRuleDetail')
    assert.equal(new URLSearchParams(call?.body).get('sequence_id'), 'seq-1')
    await provider.close()
  })
  const away = tongdun('http://127.0.0.1:1')
  assert.equal(await away.details('seq-1', never), null)
  await away.close()
})

test('answers are counted with what they cost and how long they take; what was not asked takes no time', async () => {
  await withAnswer(recordedIn('tongdun')[0]?.answer, async (url) => {
    const breaker = testBreaker()
    const counted = measured(
      'one',
      createTongdun({ ...guard('one'), breaker, url, partnerCode: 'p', secretKey: SECRET, eventId: 'transfer' }),
      money('CNY', 30n),
    )
    await counted.provider.score(REQUEST, never, null)
    await counted.provider.score(REQUEST, never, null)
    breaker.force({ to: 'open', by: 'op_olga', reason: '', until: null })
    await counted.provider.score(REQUEST, never, null)
    const { asked, durations, cost } = counted.figures()
    assert.deepEqual(asked, { ok: 2, breaker_open: 1 })
    assert.equal(
      durations.counts.reduce((sum, count) => sum + count, 0),
      2,
    )
    assert.equal(cost?.minor, 60n)
    await counted.provider.close()
  })
})

test('no credential is in any log line', () => {
  assert.ok(lines.length > 0)
  assert.ok(!lines.some((line) => JSON.stringify(line).includes(SECRET)))
})
