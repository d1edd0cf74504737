import type { RouteConfig } from '../platform/config-schema.ts'
import type { Cleared } from './exchange.ts'

/** How long a stream may be silent, and how long it may last. */
export type StreamLimits = { readonly idleMs: number; readonly totalMs: number }

/** `over`: it may not go on as it is, its reader may open another; `refused`: its reader may not have another either. */
export type Ending = 'over' | 'refused'

export interface OpenStreams {
  /**
   * Keeps a stream until `forget`; ends it when it has lasted for its time, or its token has. @returns forget
   */
  keep(cleared: Cleared, end: (how: Ending) => void): () => void
  /** Ends those of the callers who are named; or all, those that were on their way then too. */
  close(how: Ending, whose?: (caller: Cleared['caller']) => boolean): void
  /** How many are open now. */
  count(): number
}

/** Of a timer of Node's; what lasts longer is looked at again by then. */
const TIMER_MS_MAX = 2_147_483_647

/** The streams that are open now. `skewMs`: what a token's `exp` is given, as when it was presented. */
export function createOpenStreams(skewMs: number): OpenStreams {
  const open = new Map<object, { readonly caller: Cleared['caller']; readonly end: (how: Ending) => void }>()
  let isClosed = false
  return {
    keep({ route, caller }, end) {
      const key = {}
      open.set(key, { caller, end })
      const { exp } = caller.claims
      const tokenMs = typeof exp === 'number' ? exp * 1_000 + skewMs - Date.now() : Number.POSITIVE_INFINITY
      const leftMs = isClosed ? 0 : Math.min(route.stream?.totalMs ?? 0, tokenMs, TIMER_MS_MAX)
      const timer = setTimeout(end, Math.max(0, leftMs), 'over')
      return () => {
        clearTimeout(timer)
        open.delete(key)
      }
    },
    close(how, whose) {
      if (whose === undefined) isClosed = true
      for (const { caller, end } of open.values()) if (whose?.(caller) !== false) end(how)
    },
    count: () => open.size,
  }
}

const IDLE_MS = 60_000
const TOTAL_MS = 3_600_000

/** The limits of a route whose answers are streams; null of others. */
export function streamLimits({ stream }: Pick<RouteConfig, 'stream'>): StreamLimits | null {
  if (stream === undefined || stream === false) return null
  const { idle_ms: idleMs = IDLE_MS, total_ms: totalMs = TOTAL_MS } = stream === true ? {} : stream
  return { idleMs, totalMs }
}
