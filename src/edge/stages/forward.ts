import { assert } from '../../kernel/assert.ts'
import { operationIdOf } from '../../kernel/operation-id.ts'
import { Problem } from '../../kernel/problem.ts'
import { refusedBy } from '../../platform/breaker-refusal.ts'
import { readRemark } from '../../platform/receipt-remark.ts'
import { leftOf } from '../deadline.ts'
import { type Answer, type Cleared, ownerOf, type Trail } from '../exchange.ts'
import { answerHeaders, requestHeaders } from '../forward-headers.ts'
import { clientSide } from '../incoming.ts'
import type { Spending } from '../spending.ts'
import type { StreamForwarder } from '../stream-forwarder.ts'
import type { RevocationCheck } from '../tokens/revocation-check.ts'
import { steadyMs } from '../turn-clock.ts'
import type { ReceivedAnswer } from '../upstream/http1/answer-reader.ts'
import type { UpstreamRequest } from '../upstream/sending.ts'
import type { Outcome, Upstream } from '../upstream.ts'
import type { WebSocketForwarder } from '../websocket-forwarder.ts'

/**
 * Sends the exact bytes that were validated, with a passport, and passes the answer on. Where money may have moved and the
 * answer is lost, the answer is 202 with the operation's name, never "failed".
 */
export function createForward(options: {
  readonly upstreams: ReadonlyMap<string, Upstream>
  readonly streams: StreamForwarder
  readonly webSockets: WebSocketForwarder
  readonly checkRevoked: RevocationCheck
}) {
  const { upstreams, streams, webSockets, checkRevoked } = options

  const checkStillValid = async (cleared: Cleared, spending: Spending): Promise<void> => {
    try {
      await checkRevoked(cleared, cleared.caller.claims)
    } catch (problem) {
      await spending.takeBack()
      throw problem
    }
  }

  return async function forward(cleared: Cleared): Promise<Answer> {
    const { incoming, route, trail, clearance } = cleared
    const { upgrade } = incoming
    const upstream = upstreams.get(route.upstream)
    assert(upstream !== undefined, `the route ${route.id} was checked to have an upstream`)
    const startedAt = steadyMs()
    const lasting = clientSide(incoming)
    let streamed = false
    try {
      const { spending } = clearance
      const valid =
        spending === null ? checkRevoked(cleared, cleared.caller.claims) : checkStillValid(cleared, spending)
      if (valid !== undefined) await valid
      const outcome =
        upgrade !== null
          ? await webSockets.forward(cleared, upgrade, upstream)
          : route.stream !== null
            ? await streams.forward(cleared, upstream)
            : passOn(await upstream.send(requestTo(cleared, upstream)), trail)
      trail.forwarded = outcome.kind
      const answer = wentWell(outcome) ? outcome.answer : await conclude(cleared, outcome)
      streamed = answer.body === 'streamed' && !lasting.closed
      return answer
    } finally {
      trail.upstreamMs = steadyMs() - startedAt
      if (streamed)
        lasting.once('close', () => clearance.slot.release()) // a stream runs until it ends
      else clearance.slot.release()
    }
  }
}

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

function requestTo(cleared: Cleared, upstream: Upstream): UpstreamRequest {
  const { method, target, payload, route, trail } = cleared
  return {
    path: target,
    method,
    headers: requestHeaders(cleared, upstream),
    body: payload.bytes.length > 0 ? payload.bytes : null,
    // A key that the route does not ask for may mean nothing to its upstream.
    repeatable: IDEMPOTENT.has(method) ? 'idempotent' : route.needsIdempotencyKey ? 'keyed' : 'once',
    leftMs: leftOf(route, trail, upstream.timeoutMs),
    trail,
  }
}

function passOn(outcome: Outcome<ReceivedAnswer>, trail: Trail): Outcome<Answer> {
  if (outcome.kind !== 'answered') return outcome
  const { status, headers, body } = outcome.answer
  trail.remark = readRemark(headers)
  return { kind: 'answered', answer: { status, headers: answerHeaders(headers), body } }
}

/** Most do: nothing was charged that is to be given back. */
function wentWell(outcome: Outcome<Answer>): outcome is Extract<Outcome<Answer>, { kind: 'answered' }> {
  return outcome.kind === 'answered' && outcome.answer.status < 400
}

async function conclude(cleared: Cleared, outcome: Outcome<Answer>): Promise<Answer> {
  if (outcome.kind === 'answered') {
    const { status } = outcome.answer
    // 503 says that nothing was done; any other 5xx may hide a commit whose confirmation was lost.
    if (status >= 500 && status !== 503 && mayHaveMoved(cleared)) return unknownOutcome(cleared)
    const refused = status >= 400 && status < 500 && status !== 409 // 409: the same key is running, and may yet move it
    if (refused || status === 503) await cleared.clearance.spending?.takeBack()
    return outcome.answer
  }
  if (outcome.kind !== 'lost') {
    await cleared.clearance.spending?.takeBack()
    if (outcome.kind === 'refused') throw new Problem('upstream_unavailable', refusedBy(outcome))
    throw new Problem('upstream_unavailable', {
      detail: `${outcome.reason}; nothing was sent`,
      headers: { 'retry-after': String(outcome.retryAfterS) },
    })
  }
  if (mayHaveMoved(cleared)) return unknownOutcome(cleared)
  throw new Problem(outcome.reason === 'timeout' ? 'upstream_timeout' : 'upstream_failed', {
    detail: 'the request was sent and its answer did not come; what it did is not known',
  })
}

/** Whether the request, once it was sent, may have moved money. */
function mayHaveMoved({ route, method }: Cleared): boolean {
  return route.tags.includes('money') && method !== 'GET' && method !== 'HEAD'
}

const ASK_BY_KEY = 'send the same request with the same Idempotency-Key: it is done once, and you get its answer'
const LOOK_FIRST = 'look at what it should have changed before you send it again'

/**
 * Anyone who knows member and key can name the operation of a transfer, so the edge can too.
 * @throws Problem `outcome_unknown` for what is no operation: it says how to find out
 */
function unknownOutcome({ caller, payload, route, trail }: Cleared): Answer {
  trail.forwarded = 'unknown'
  const retryAfter = ['retry-after', '2'] as const
  if (route.assess !== 'transfer') {
    throw new Problem('outcome_unknown', {
      detail: 'the request was sent, and whether it was carried out is not known',
      remedy: payload.idempotencyKey === null ? LOOK_FIRST : ASK_BY_KEY,
      headers: Object.fromEntries([retryAfter]),
    })
  }
  const operation = operationIdOf(ownerOf(caller.principal), payload.idempotencyKey ?? '')
  return {
    status: 202,
    headers: [
      ['content-type', 'application/json; charset=utf-8'],
      ['location', `/v1/operations/${operation}`],
      retryAfter,
    ],
    body: Buffer.from(JSON.stringify({ operation, id: operation, state: 'unknown', next: ASK_BY_KEY })),
  }
}
