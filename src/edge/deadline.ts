import type { Trail } from './exchange.ts'
import type { Route } from './route-table.ts'

/** For how long one more call may be waited for: at most its own timeout, and what is left of the route's budget, if it has one. */
export function leftOf({ budgetMs }: Route, { startedAt }: Trail, timeoutMs: number): number {
  return budgetMs === null ? timeoutMs : Math.min(timeoutMs, startedAt + budgetMs - Date.now())
}
