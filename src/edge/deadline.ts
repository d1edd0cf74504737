import type { Trail } from './exchange.ts'
import type { Route } from './route-table.ts'

/**
 * For how long one more call may be waited for: at most its own timeout, and what is left of the route's budget, if it has one.
 * The time that a client took for its body is none of it: else slow clients would leave the upstream none for its answer, and
 * the faults that come of it would open its breaker for all.
 */
export function leftOf({ budgetMs }: Route, { startedAt, bodyMs }: Trail, timeoutMs: number): number {
  return budgetMs === null ? timeoutMs : Math.min(timeoutMs, Math.floor(startedAt + bodyMs + budgetMs - Date.now()))
}
