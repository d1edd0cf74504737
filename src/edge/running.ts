import { Problem } from '../kernel/problem.ts'
import type { Route } from './route-table.ts'

/** A place among those that run on a route; released once. */
export type Slot = { release(): void }

/** How many requests run at once on each route that has a limit, and of one principal on each that limits those. */
export interface Running {
  /** @throws Problem `overloaded` when the route has no place left, or none for this principal */
  enter(route: LimitedRoute, principal: string): Slot
}

type LimitedRoute = Pick<Route, 'id' | 'runningMax' | 'runningPerPrincipalMax'>

/** Of a route without limits there is nothing to count. */
const UNCOUNTED: Slot = { release() {} }

export function createRunning(): Running {
  const byRoute = new Map<string, number>()
  const byPrincipal = new Map<string, number>()
  return {
    enter({ id, runningMax, runningPerPrincipalMax }, principal) {
      if (runningMax === null && runningPerPrincipalMax === null) return UNCOUNTED
      const own = `${id} ${principal}`
      if (runningMax !== null) checkPlace(byRoute, id, runningMax, `route/${id}`)
      if (runningPerPrincipalMax !== null) checkPlace(byPrincipal, own, runningPerPrincipalMax, `route/${id}/principal`)
      add(byRoute, id, 1)
      if (runningPerPrincipalMax !== null) add(byPrincipal, own, 1)
      let held = true
      return {
        release() {
          if (!held) return
          held = false
          add(byRoute, id, -1)
          if (runningPerPrincipalMax !== null) add(byPrincipal, own, -1)
        },
      }
    },
  }
}

function checkPlace(counts: ReadonlyMap<string, number>, key: string, max: number, rule: string): void {
  if ((counts.get(key) ?? 0) < max) return
  const whose = rule.endsWith('/principal') ? 'of yours are' : 'are'
  throw new Problem('overloaded', { detail: `${max} ${whose} running on this route`, rule })
}

function add(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
