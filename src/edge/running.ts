import { Problem } from '../kernel/problem.ts'
import type { Route } from './route-table.ts'

/** A place among those that run on a route; released once. */
export type Slot = { release(): void }

/** How many requests run at once on each route that has a limit. */
export interface Running {
  /** @throws Problem `overloaded` when the route has no place left */
  enter(route: Route): Slot
}

export function createRunning(): Running {
  const counts = new Map<string, number>()
  return {
    enter({ id, runningMax }) {
      const count = counts.get(id) ?? 0
      if (runningMax !== null && count >= runningMax) {
        throw new Problem('overloaded', { detail: `${runningMax} are running on this route`, rule: `route/${id}` })
      }
      counts.set(id, count + 1)
      let held = true
      return {
        release() {
          if (held) counts.set(id, (counts.get(id) ?? 1) - 1)
          held = false
        },
      }
    },
  }
}
