import { setTimeout as sleep } from 'node:timers/promises'

/** How old what is known of something elsewhere is. By the monotonic clock: a wall clock that is set back makes nothing fresh. */
export interface Freshness {
  /** All that had happened by `at` (of `performance.now()`) is known. */
  confirm(at: number): void
  /** Infinite before it was first confirmed. */
  ageMs(): number
  isStale(): boolean
  /** Whether it is fresh, if need be after waiting for a confirmation that is about to come. */
  await(): Promise<boolean>
}

/** `patienceMs`: how long a confirmation is waited for; this process itself may have been the one that was busy. */
export function createFreshness(staleMs: number, patienceMs: number): Freshness {
  let knownAt = Number.NEGATIVE_INFINITY
  let confirmed = Promise.withResolvers<void>()
  let waiting: Promise<void> | null = null

  const ageMs = (): number => Math.max(0, performance.now() - knownAt)
  const isStale = (): boolean => ageMs() > staleMs
  const wait = async (): Promise<void> => {
    const nap = new AbortController()
    await Promise.race([confirmed.promise, sleep(patienceMs, null, { signal: nap.signal }).catch(() => null)])
    nap.abort()
    waiting = null
  }
  return {
    confirm(at) {
      knownAt = Math.max(knownAt, at)
      confirmed.resolve()
      confirmed = Promise.withResolvers()
    },
    ageMs,
    isStale,
    async await() {
      if (!isStale()) return true
      waiting ??= wait() // one, however many ask
      await waiting
      return !isStale()
    },
  }
}
