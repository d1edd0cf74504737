/** So many may be sent to at once: who takes long for each message would in the end have all places to itself. */
const AT_ONCE_MAX = 32
/** Who takes a message for so long, in ms, is slow until it takes one faster. */
const SLOW_FROM_MS = 1_000
/** Of more than so many the one that was slow longest ago is forgotten. */
const KNOWN_MAX = 10_000

/** Endpoints that took their time when they were sent to last; others need not wait for a place behind them. */
export type SlowEndpoints = {
  /** Sends, and keeps in mind how long that took. */
  timed<T>(endpoint: string, send: () => Promise<T>): Promise<T>
  /** Whom there is no place for now, beside those who are busy. */
  passedOver(busy: readonly string[]): readonly string[]
  /** Of these, those who are not slow, and as many of the slow as there is a place for. */
  withPlace<T>(found: readonly T[], endpointOf: (of: T) => string, busy: readonly string[]): readonly T[]
}

export function createSlowEndpoints(): SlowEndpoints {
  const slow = new Set<string>()
  const places = (busy: readonly string[]): number => {
    return AT_ONCE_MAX - busy.filter((endpoint) => slow.has(endpoint)).length
  }
  return {
    async timed(endpoint, send) {
      const began = performance.now()
      try {
        return await send()
      } finally {
        slow.delete(endpoint)
        if (performance.now() - began >= SLOW_FROM_MS) slow.add(endpoint)
        if (slow.size > KNOWN_MAX) slow.delete([...slow.values().take(1)][0] ?? '')
      }
    },
    passedOver: (busy) => (places(busy) > 0 ? busy : [...new Set([...busy, ...slow])]),
    withPlace(found, endpointOf, busy) {
      let left = places(busy)
      return found.filter((each) => !slow.has(endpointOf(each)) || left-- > 0)
    },
  }
}
