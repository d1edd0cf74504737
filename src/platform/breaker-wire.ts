import { toRfc3339 } from '../kernel/clock.ts'
import type { BreakerStatus } from './breaker.ts'

/** A breaker as operators see it. */
export function statusView({ since, retryAt, forced, ...status }: BreakerStatus) {
  return {
    ...status,
    since: toRfc3339(since),
    retryAt: retryAt === null ? null : toRfc3339(retryAt),
    forced: forced === null ? null : { ...forced, until: forced.until === null ? null : toRfc3339(forced.until) },
  }
}
