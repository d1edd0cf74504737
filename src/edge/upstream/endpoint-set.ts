import type { UpstreamConfig } from '../../platform/upstream-config.ts'
import { leastLoadedOfTwo } from './choice.ts'
import type { Endpoint } from './endpoint.ts'

type Ejection = NonNullable<UpstreamConfig['ejection']>
const EJECTION = { failures: 5, ms_min: 1_000, ms_max: 60_000, share_max: 0.5 }

/**
 * The endpoints of an upstream and which of them take requests: those that health checks call healthy and that are not
 * ejected. Were it none, it is all of them: sending to one that may be well beats refusing everyone (`isPanicking`).
 */
export class EndpointSet {
  readonly all: readonly Endpoint[]
  isPanicking = false
  readonly #ejection: Required<Ejection>
  #taking: readonly Endpoint[]

  constructor(all: readonly Endpoint[], ejection: Ejection = {}) {
    this.all = all
    this.#taking = all
    this.#ejection = { ...EJECTION, ...ejection }
  }

  /** Where the next request goes: the less loaded of two that take requests, drawn at random; `except` only where it is alone. */
  pick(except: Endpoint | null = null): Endpoint {
    return leastLoadedOfTwo(this.#taking, except)
  }

  /** The endpoint gave an answer: of a gateway that reached nothing, 502 to 504, it counts as none. */
  answered(endpoint: Endpoint, status: number): void {
    if (status >= 502 && status <= 504) this.failed(endpoint)
    else endpoint.failures = 0
  }

  /** It gave none. With enough of this in a row the endpoint is ejected, unless too many of the set are. */
  failed(endpoint: Endpoint): void {
    endpoint.failures += 1
    const { failures, ms_min: msMin, ms_max: msMax, share_max: shareMax } = this.#ejection
    if (endpoint.failures < failures || endpoint.ejectedUntil !== null) return
    const away = this.all.filter(({ ejectedUntil }) => ejectedUntil !== null).length
    if ((away + 1) / this.all.length > shareMax) return
    const now = performance.now()
    endpoint.ejectionsInRow = now - endpoint.returnedAt > msMax ? 1 : endpoint.ejectionsInRow + 1
    endpoint.ejectedUntil = now + Math.min(msMax, msMin * 2 ** (endpoint.ejectionsInRow - 1))
    endpoint.ejections += 1
    this.#renew()
  }

  /** What a health check says. */
  judge(endpoint: Endpoint, healthy: boolean): void {
    endpoint.healthy = healthy
    this.#renew()
  }

  /**
   * Takes back whose time is over, on probation: one more failure is enough. Connections that have rested too long are let go. To
   * be called now and then.
   */
  tick(now: number): void {
    for (const endpoint of this.all) {
      endpoint.pool.tick(now)
      if (endpoint.ejectedUntil === null || endpoint.ejectedUntil > now) continue
      endpoint.ejectedUntil = null
      endpoint.returnedAt = now
      endpoint.failures = this.#ejection.failures - 1
      this.#renew()
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((endpoint) => endpoint.close()))
  }

  #renew(): void {
    const well = this.all.filter(({ healthy, ejectedUntil }) => healthy && ejectedUntil === null)
    this.isPanicking = well.length === 0
    this.#taking = this.isPanicking ? this.all : well
  }
}
