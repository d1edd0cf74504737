import type { Clock } from '../kernel/clock.ts'
import type { Breaker } from '../platform/breaker.ts'
import type { Refusal } from '../platform/breaker-refusal.ts'
import { type PassportKeys, signPassport } from '../platform/passport.ts'
import { endpointsOf, type UpstreamConfig } from '../platform/upstream-config.ts'
import type { Cleared } from './exchange.ts'
import { Endpoint } from './upstream/endpoint.ts'
import { EndpointSet } from './upstream/endpoint-set.ts'
import { RetryBudget } from './upstream/retry-budget.ts'
import { type SendingDeps, send, type UpstreamRequest } from './upstream/sending.ts'
import { HungUp, type ReceivedAnswer, UpstreamFault } from './upstream-request.ts'

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
  /** For a whole answer, retries included; of a stream, for its head. */
  readonly timeoutMs: number
  send(request: UpstreamRequest): Promise<Outcome<ReceivedAnswer>>
  /**
   * Runs a call of one's own through the same breaker; a fault of the upstream is thrown as UpstreamFault, a client's as
   * HungUp. The receipt is what a fault is remembered by.
   */
  guard<T>(call: () => Promise<T>, receipt: string): Promise<Outcome<T>>
  /** The passport for this request; null for an upstream that is not one of ours. */
  passportFor(cleared: Cleared): string | null
  close(): Promise<void>
}

/** How often time is looked at: deadlines and ejections end at most so much later. */
const TICK_MS = 100
const ATTEMPTS_MAX = 2

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
  const budget = new RetryBudget(config.retries)
  const attemptsMax = config.retries?.attempts_max ?? ATTEMPTS_MAX
  const sendings: SendingDeps = { endpoints, budget, attemptsMax, underWay: new Set() }
  const ticking = setInterval(() => {
    const now = performance.now()
    endpoints.tick(now)
    budget.tick(now)
    for (const sending of sendings.underWay) sending.giveUpAfter(now)
  }, TICK_MS).unref()
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
    send(request) {
      if (request.leftMs < 1) return notSent('no time is left for it')
      const endpoint = endpoints.pick()
      if (endpoint.isFull) {
        endpoint.turnedAway += 1
        return notSent(`too many requests wait for ${name}`)
      }
      return guard(() => send(sendings, endpoint, request), request.trail.receipt)
    },
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

function notSent(reason: string): Promise<NoAnswer> {
  return Promise.resolve({ kind: 'not_sent', reason, retryAfterS: 1 })
}
