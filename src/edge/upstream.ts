import type { Dispatcher } from 'undici'
import type { Clock } from '../kernel/clock.ts'
import type { Breaker } from '../platform/breaker.ts'
import type { Refusal } from '../platform/breaker-refusal.ts'
import { type PassportKeys, signPassport } from '../platform/passport.ts'
import { endpointsOf, type UpstreamConfig } from '../platform/upstream-config.ts'
import type { Cleared } from './exchange.ts'
import { Endpoint } from './upstream/endpoint.ts'
import { EndpointSet } from './upstream/endpoint-set.ts'
import { HungUp, type ReceivedAnswer, sendOnce, UpstreamFault } from './upstream-request.ts'

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
  readonly forwardToken: boolean
  /** For the head of an answer, and between the pieces of its body. */
  readonly timeoutMs: number
  /** The receipt is what a fault is remembered by. */
  send(request: Dispatcher.DispatchOptions, receipt: string): Promise<Outcome<ReceivedAnswer>>
  /** Runs a call of one's own through the same breaker; a fault of the upstream is thrown as UpstreamFault, a client's as HungUp. */
  guard<T>(call: () => Promise<T>, receipt: string): Promise<Outcome<T>>
  /** The passport for this request; null for an upstream that is not one of ours. */
  passportFor(cleared: Cleared): string | null
  close(): Promise<void>
}

/** How often time is looked at: deadlines and ejections end at most so much later. */
const TICK_MS = 100

/**
 * An upstream behind an undici pool and its breaker. Only what is the other side's fault counts: no connection, no
 * answer, a broken answer, a 5xx. Never a 4xx, and never a client that hung up.
 */
export function createUpstream(
  name: string,
  config: UpstreamConfig,
  deps: { readonly breaker: Breaker; readonly passports: PassportKeys; readonly clock: Clock },
): Upstream {
  const { breaker, passports, clock } = deps
  const connectionsMax = config.connections_max ?? config.running_max
  const pendingMax = config.pending_max ?? connectionsMax
  const origins = endpointsOf(name, config)
  const endpoints = new EndpointSet(
    origins.map((origin) => new Endpoint(origin, connectionsMax, pendingMax)),
    config.ejection,
  )
  const ticking = setInterval(() => endpoints.tick(performance.now()), TICK_MS).unref()
  let running = 0

  const guard = async <T>(call: () => Promise<T>, receipt: string): Promise<Outcome<T>> => {
    if (running >= config.running_max) return { kind: 'not_sent', reason: `${name} is at its limit`, retryAfterS: 1 }
    const permit = breaker.enter()
    if (permit.kind === 'refused') return permit
    running += 1
    try {
      const answer = await call()
      permit.good()
      return { kind: 'answered', answer }
    } catch (error) {
      if (error instanceof UpstreamFault) {
        permit.fault(receipt)
        return error.outcome as Outcome<T>
      }
      permit.neither()
      if (error instanceof HungUp) return error.outcome as Outcome<T>
      throw error
    } finally {
      running -= 1
    }
  }

  return {
    name,
    endpoints,
    forwardToken: config.forward_token ?? false,
    timeoutMs: config.timeout_ms,
    guard,
    send: (request, receipt) => guard(() => sendOnce(endpoints, request, config.timeout_ms), receipt),
    passportFor({ method, path, query, payload, caller, clearance, trail }) {
      if (config.passport !== true) return null
      const { bytes: body, idempotencyKey } = payload
      const request = { method, target: path + query, body, idempotencyKey }
      const { principal } = caller
      return signPassport(passports, clock, name, request, {
        principal,
        assessment: clearance.assessment,
        tags: [...trail.marks.tags],
        receipt: trail.receipt,
      })
    },
    async close() {
      clearInterval(ticking)
      await endpoints.close()
    },
  }
}
