import CircuitBreaker from 'opossum'
import type { Dispatcher } from 'undici'
import type { Clock } from '../kernel/clock.ts'
import { type PassportKeys, signPassport } from '../platform/passport.ts'
import { endpointsOf, type UpstreamConfig } from '../platform/upstream-config.ts'
import type { Cleared } from './exchange.ts'
import { Endpoint } from './upstream/endpoint.ts'
import { EndpointSet } from './upstream/endpoint-set.ts'
import { type ReceivedAnswer, sendOnce, UpstreamFault } from './upstream-request.ts'

/** How an upstream's answer, or its absence, looks to the edge. */
export type Outcome<T> = { readonly kind: 'answered'; readonly answer: T } | NoAnswer
export type NoAnswer =
  /** Certain: nothing of the request left. */
  | { readonly kind: 'not_sent'; readonly reason: string; readonly retryAfterS: number; readonly rule?: string }
  /** The request left, and what it did is not known. */
  | { readonly kind: 'lost'; readonly reason: 'timeout' | 'broken' }

export type BreakerState = 'closed' | 'open' | 'halfOpen'

export interface Upstream {
  readonly name: string
  readonly endpoints: EndpointSet
  readonly forwardToken: boolean
  /** For the head of an answer, and between the pieces of its body. */
  readonly timeoutMs: number
  send(request: Dispatcher.DispatchOptions): Promise<Outcome<ReceivedAnswer>>
  /** Runs a call of one's own through the same breaker; it tells a fault of the upstream by an UpstreamFault. */
  guard<T>(call: () => Promise<T>): Promise<Outcome<T>>
  /** The passport for this request; null for an upstream that is not one of ours. */
  passportFor(cleared: Cleared): string | null
  readonly breaker: { state(): BreakerState; since(): number }
  close(): Promise<void>
}

/** How often time is looked at: deadlines and ejections end at most so much later. */
const TICK_MS = 100
const BREAKER = { errorThresholdPercentage: 50, volumeThreshold: 10, resetTimeout: 5_000, rollingCountTimeout: 10_000 }

/**
 * An upstream behind an undici pool and an opossum breaker. Only what is the other side's fault counts: no connection, no
 * answer, a broken answer, a 5xx. Never a 4xx, and never a client that hung up.
 */
export function createUpstream(name: string, config: UpstreamConfig, passports: PassportKeys, clock: Clock): Upstream {
  const connectionsMax = config.connections_max ?? config.running_max
  const pendingMax = config.pending_max ?? connectionsMax
  const origins = endpointsOf(name, config)
  const endpoints = new EndpointSet(
    origins.map((origin) => new Endpoint(origin, connectionsMax, pendingMax)),
    config.ejection,
  )
  const ticking = setInterval(() => endpoints.tick(performance.now()), TICK_MS).unref()
  const breaker = new CircuitBreaker((call: () => Promise<unknown>) => call(), {
    ...BREAKER,
    timeout: false, // undici's own deadlines tell what was sent; a race beside them would not
    capacity: config.running_max,
    name,
  })
  let since = clock.now() as number
  const changed = (): void => {
    since = clock.now()
  }
  breaker.on('open', changed).on('halfOpen', changed).on('close', changed)

  const guard = async <T>(call: () => Promise<T>): Promise<Outcome<T>> => {
    try {
      return { kind: 'answered', answer: (await breaker.fire(call)) as T }
    } catch (error) {
      if (error instanceof UpstreamFault) return error.outcome as Outcome<T>
      const retryAfterS = Math.ceil(BREAKER.resetTimeout / 1000)
      if (codeOf(error) === 'EOPENBREAKER') {
        return { kind: 'not_sent', reason: `the breaker of ${name} is open`, retryAfterS, rule: `breaker/${name}` }
      }
      if (codeOf(error) === 'ESEMLOCKED') return { kind: 'not_sent', reason: `${name} is at its limit`, retryAfterS: 1 }
      throw error
    }
  }

  return {
    name,
    endpoints,
    forwardToken: config.forward_token ?? false,
    timeoutMs: config.timeout_ms,
    breaker: {
      state: () => (breaker.opened ? 'open' : breaker.halfOpen ? 'halfOpen' : 'closed'),
      since: () => since,
    },
    guard,
    send: (request) => guard(() => sendOnce(endpoints, request, config.timeout_ms)),
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
      breaker.shutdown()
      await endpoints.close()
    },
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
