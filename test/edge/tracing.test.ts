import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { openTracing } from '../../src/platform/tracing.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { recordingLog } from '../support/recording-log.ts'
import { decisionOn, noticeOf, signDecision } from '../support/review-desk.ts'
import { type KeptSpan, startTraceCollector, type TraceCollector } from '../support/trace-collector.ts'

let collector: TraceCollector
let platform: TestPlatform
let calls: EdgeCalls
before(async () => {
  collector = await startTraceCollector()
  const telemetry = `telemetry: { traces: { otlp: "${collector.url}", ratio: 0 } }\n`
  platform = await startTestPlatform({ config: (text) => telemetry + text })
  calls = edgeCalls(platform)
})
after(async () => {
  await platform.close()
  await collector.close()
})

/** A caller's trace, which it keeps or not. */
function callerOf(flags: '00' | '01'): { readonly traceId: string; readonly spanId: string; readonly header: string } {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')]
  return { traceId, spanId, header: `00-${traceId}-${spanId}-${flags}` }
}

/** All spans of a trace, once this many have come. */
function spansOf(traceId: string, atLeast: number): Promise<readonly KeptSpan[]> {
  return eventually(`${atLeast} spans`, async () => {
    const spans = collector.spans.filter((span) => span.traceId === traceId)
    return spans.length >= atLeast && spans
  })
}

describe('the trace of a request', () => {
  test('goes on from the caller through the edge to each service that was called', async () => {
    const caller = callerOf('01')
    const answer = await calls.transfer('12.00', { headers: { traceparent: caller.header } })
    assert.equal(answer.status, 201)
    const spans = await spansOf(caller.traceId, 5)
    const named = (part: string, name: string): KeptSpan => {
      const found = spans.find((span) => span.part === part && span.name === name)
      assert.ok(found, `${part} ${name} in ${spans.map((span) => `${span.part} ${span.name}`).join(', ')}`)
      return found
    }
    const edge = named('edge', 'POST transfers.create')
    assert.equal(edge.parentSpanId, caller.spanId)
    assert.deepEqual(edge.attributes, {
      'http.request.method': 'POST',
      'http.response.status_code': 201,
      'tidegate.route': 'transfers.create',
      'tidegate.receipt': answer.headers['tidegate-receipt'],
      'tidegate.rule': 'risk/provider-accepts',
      'tidegate.assessment': 'accept',
    })
    for (const [calling, part, operation] of [
      ['assess', 'risk', 'assess'],
      ['forward cash-flow', 'cash-flow', 'transfer'],
    ] as const) {
      assert.equal(named('edge', calling).parentSpanId, edge.spanId)
      assert.equal(named(part, operation).parentSpanId, named('edge', calling).spanId)
    }
    assert.equal(named('cash-flow', 'transfer').attributes['tidegate.receipt'], edge.attributes['tidegate.receipt'])
    assert.equal(
      spans.some(({ failed }) => failed),
      false,
    )
  })

  test('names the rule and the stage of a refusal', async () => {
    const caller = callerOf('01')
    const headers = { traceparent: caller.header }
    await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice', { scope: 'products:read', headers })
    const [span] = await spansOf(caller.traceId, 1)
    assert.equal(span?.attributes['tidegate.code'], 'insufficient_scope')
    assert.equal(span?.attributes['tidegate.stage'], 'authorize')
    assert.equal(span?.failed, false)
  })

  test('is not kept where its caller keeps none, and where as few as none are kept that begin here', async () => {
    const [unkept, kept] = [callerOf('00'), callerOf('01')]
    await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice', { headers: { traceparent: unkept.header } })
    await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice')
    await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice', { headers: { traceparent: kept.header } })
    await spansOf(kept.traceId, 1)
    assert.deepEqual(
      collector.spans.filter(({ parentSpanId }) => parentSpanId === ''),
      [],
    )
    assert.deepEqual(
      collector.spans.filter(({ traceId }) => traceId === unkept.traceId),
      [],
    )
  })
})

describe('what is done later', () => {
  /** The spans of a trace by part and name, once all of these are there. */
  async function spansWith(traceId: string, wanted: readonly string[]): Promise<ReadonlyMap<string, KeptSpan>> {
    return eventually(`spans ${wanted.join(', ')}`, async () => {
      const spans = collector.spans.filter((span) => span.traceId === traceId)
      const named = new Map(spans.map((span) => [`${span.part} ${span.name}`, span]))
      return wanted.every((name) => named.has(name)) && named
    })
  }
  /** Each is the parent of the next. */
  function assertChain(spans: ReadonlyMap<string, KeptSpan>, names: readonly string[]): void {
    const ids = names.map((name) => spans.get(name))
    assert.deepEqual(
      ids.slice(1).map((span) => span?.parentSpanId),
      ids.slice(0, -1).map((span) => span?.spanId),
      names.join(' > '),
    )
  }

  test('of a transfer that was accepted is in the trace of who asked, in each part that hears of it', async () => {
    const caller = callerOf('01')
    const headers = { traceparent: caller.header, prefer: 'respond-async' }
    const answer = await calls.transfer('13.00', { headers, key: 'traced-later' })
    assert.equal(answer.status, 202, answer.text)
    const heard = ['membership', 'risk', 'settlement'].map((part) => `${part} transfer.posted`)
    const spans = await spansWith(caller.traceId, ['cash-flow transfer', 'cash-flow accepted transfer', ...heard])
    for (const one of heard) assertChain(spans, ['cash-flow transfer', 'cash-flow accepted transfer', one])
    const { body } = await calls.call('mem_bob', 'GET', '/v1/events?after=0')
    assert.ok(body.items.length > 0)
    assert.ok(!JSON.stringify(body).includes(caller.traceId), 'a member is told nothing of our traces')
  })

  test('of what a reviewer decides is in the trace of the decision', async () => {
    const value = '70000.00'
    const held = await calls.transfer(value, { key: 'traced-decision' })
    assert.equal(held.body.state, 'held', held.text)
    const caller = callerOf('01')
    const body = decisionOn(await noticeOf(platform, value), { vote: 'approve' })
    const headers = { ...(await signDecision(platform, body)), traceparent: caller.header }
    const decided = await calls.call(null, 'POST', '/v1/reviews/decisions', { body, headers })
    assert.equal(decided.status, 200, decided.text)
    const chain = ['cash-flow review.approved', 'cash-flow decided by a review', 'membership transfer.posted']
    const spans = await spansWith(caller.traceId, ['cash-flow review.approved', ...chain])
    assertChain(spans, chain.slice(1))
    const toldBy = spans.get('cash-flow review.approved')?.parentSpanId
    assert.ok([...spans.values()].some(({ part, spanId }) => part === 'risk' && spanId === toldBy))
  })
})

test('a collector that is away is told of once, and costs traces only', async () => {
  const { log, lines } = recordingLog()
  const gone = await startTraceCollector()
  await gone.close()
  const tracing = await openTracing({ otlp: gone.url, ratio: 1 }, log)
  assert.ok(tracing)
  tracing.tracerOf('edge').receive('GET somewhere', null).end()
  await tracing.close()
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['traces: the collector does not take them'],
  )
})

test('where no traces are asked for there are none', async () => {
  assert.equal(await openTracing(undefined, recordingLog().log), null)
})
