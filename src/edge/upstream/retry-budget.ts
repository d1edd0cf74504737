import type { UpstreamConfig } from '../../platform/upstream-config.ts'

const SLICES = 10
const SLICE_MS = 1_000

/**
 * How many requests may be sent again: a part of those of the last 10 s, and always a few. Retries help while little fails;
 * when everything does, they would multiply the load of those who are failing under it.
 */
export class RetryBudget {
  /** Since the start. */
  retries = 0
  refused = 0
  readonly #share: number
  readonly #min: number
  /** By second, the present one first. */
  #requests: number[] = Array.from({ length: SLICES }, () => 0)
  #taken: number[] = Array.from({ length: SLICES }, () => 0)
  #now = 0
  #sliceEndsAt = performance.now() + SLICE_MS

  constructor({ budget_share: share = 0.2, budget_min: min = 10 }: NonNullable<UpstreamConfig['retries']> = {}) {
    this.#share = share
    this.#min = min
  }

  /** A request is sent for the first time. */
  count(): void {
    this.#now += 1
  }

  /** Whether one more may be sent again; it is counted. */
  take(): boolean {
    const requests = this.#now + sum(this.#requests)
    if (sum(this.#taken) + 1 > Math.max(this.#min, Math.floor(requests * this.#share))) {
      this.refused += 1
      return false
    }
    this.#taken[0] = (this.#taken[0] ?? 0) + 1
    this.retries += 1
    return true
  }

  /** Lets what is older than 10 s go. To be called several times a second. */
  tick(now: number): void {
    if (now < this.#sliceEndsAt) return
    this.#sliceEndsAt = now + SLICE_MS
    this.#requests = [this.#now, ...this.#requests.slice(0, -1)]
    this.#taken = [0, ...this.#taken.slice(0, -1)]
    this.#now = 0
  }
}

function sum(all: readonly number[]): number {
  return all.reduce((total, each) => total + each, 0)
}
