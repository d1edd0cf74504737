import type { Clock } from '../kernel/clock.ts'
import type { Breaker } from '../platform/breaker.ts'
import type { Refusal } from '../platform/breaker-refusal.ts'
import type { Log } from '../platform/log.ts'
import { type PassportKeys, signPassport } from '../platform/passport.ts'
import type { UpstreamConfig } from '../platform/upstream-config.ts'
import type { Answer, Cleared } from './exchange.ts'
import { clientSide } from './incoming.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import type { EndpointSet } from './upstream/endpoint-set.ts'
import type { ReceivedAnswer } from './upstream/http1/answer-reader.ts'
import { openEndpoints } from './upstream/open-endpoints.ts'
import { type Ended, send, type UpstreamRequest } from './upstream/sending.ts'
import { HungUp, UpstreamFault } from './upstream-request.ts'

/** How an upstream's answer, or its absence, looks to the edge. */
export type Outcome<T> = { readonly kind: 'answered'; readonly answer: T } | NoAnswer
export type NoAnswer =
  /** Certain: nothing of the request left. */
  | { readonly kind: 'not_sent'; readonly reason: string; readonly retryAfterS: number }
  /** Certain, too: the breaker is open. */
  | Refusal
  /** The request left, and what it did is not known. */
  | { readonly kind: 'lost'; readonly reason: 'timeout' | 'broken' }

export interface Upstream {
  readonly name: string
  readonly endpoints: EndpointSet
  /** Since the start. */
  readonly retries: { readonly retries: number; readonly refused: number }
  readonly forwardToken: boolean
  /** For a whole answer, retries included; of a stream, for its head. */
  readonly timeoutMs: number
  send(request: UpstreamRequest): Promise<Outcome<ReceivedAnswer>>
  /**
   * Opens what lasts on a connection of its own: with the same breaker, and to an endpoint that is chosen and judged as for
   * all others, by the head of its answer. A fault of the upstream is thrown as UpstreamFault, a client's as HungUp.
   */
  stream(cleared: Cleared, open: (endpoint: Endpoint) => Promise<Answer>): Promise<Outcome<Answer>>
  /** The passport for this request; null for an upstream that is not one of ours. */
  passportFor(cleared: Cleared): string | null
  close(): Promise<void>
}

/**
 * An upstream behind its connections and its breaker. Only what is the other side's fault counts: no connection, no
 * answer, a broken answer, a 5xx. Never a 4xx, and never a client that hung up.
 */
export function createUpstream(
  name: string,
  config: UpstreamConfig,
  deps: { readonly breaker: Breaker; readonly passports: PassportKeys; readonly clock: Clock; readonly log: Log },
): Upstream {
  const { breaker, passports, clock, log } = deps
  const sendings = openEndpoints(name, config, log)
  const { endpoints, budget: retries } = sendings
  let running = 0

  /** Lets a call pass the limit and the breaker, and tells both of its end. What `call` throws has not begun. */
  const guard = <T>(receipt: string, call: (ended: Ended<T>) => void): Promise<Outcome<T>> => {
    if (running >= config.running_max) return notSent(`${name} is at its limit`)
    const permit = breaker.enter()
    if (permit.kind === 'refused') return Promise.resolve(permit)
    running += 1
    return new Promise((done, fail) => {
      const ended: Ended<T> = {
        answered(answer) {
          running -= 1
          permit.good()
          done({ kind: 'answered', answer })
        },
        failed(error) {
          running -= 1
          const isFault = error instanceof UpstreamFault
          if (isFault) permit.fault(receipt)
          else permit.neither()
          if (isFault || error instanceof HungUp) done(error.outcome as Outcome<T>)
          else fail(error)
        },
      }
      try {
        call(ended)
      } catch (error) {
        ended.failed(error)
      }
    })
  }

  return {
    name,
    endpoints,
    retries,
    forwardToken: config.forward_token ?? false,
    timeoutMs: config.timeout_ms,
    stream(cleared, open) {
      return guard(cleared.trail.receipt, ({ answered, failed }) => {
        openStream(endpoints, cleared, open).then(answered, failed)
      })
    },
    send(request) {
      if (request.leftMs < 1) return notSent('no time is left for it')
      const endpoint = endpoints.pick()
      if (endpoint.isFull) {
        endpoint.turnedAway += 1
        return notSent(`too many requests wait for ${name}`)
      }
      return guard<ReceivedAnswer>(request.trail.receipt, (ended) => send(sendings, endpoint, request, ended))
    },
    passportFor({ method, target, payload, caller, clearance, trail }) {
      if (config.passport !== true) return null
      const { bytes: body, idempotencyKey } = payload
      const request = { method, target, body, idempotencyKey }
      const { principal } = caller
      return signPassport(passports, clock, name, request, {
        principal,
        assessment: clearance.assessment,
        tags: [...trail.marks.tags],
        receipt: trail.receipt,
      })
    },
    close: sendings.close,
  }
}

async function openStream(
  endpoints: EndpointSet,
  { trail, incoming }: Cleared,
  open: (endpoint: Endpoint) => Promise<Answer>,
): Promise<Answer> {
  const lasting = clientSide(incoming)
  if (lasting.destroyed) throw new HungUp() // its `close` has been
  const endpoint = endpoints.pick()
  trail.attempts += 1
  trail.endpoint = endpoint.name
  endpoint.streams += 1
  lasting.once('close', () => {
    endpoint.streams -= 1
  })
  try {
    const answer = await open(endpoint)
    endpoints.answered(endpoint, answer.status)
    return answer
  } catch (error) {
    if (error instanceof UpstreamFault) {
      if (error.outcome.kind === 'answered') endpoints.answered(endpoint, error.outcome.answer.status)
      else endpoints.failed(endpoint)
    }
    throw error
  }
}

function notSent(reason: string): Promise<NoAnswer> {
  return Promise.resolve({ kind: 'not_sent', reason, retryAfterS: 1 })
}
