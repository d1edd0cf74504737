import { keepDoing, type Round } from '../../platform/every.ts'
import type { Log } from '../../platform/log.ts'
import type { Reviews } from './reviews.ts'

const LOOK_EVERY_MS = 250
const AT_ONCE_MAX = 100

/** Looks for cases whose time is up, or that other policies decide on now. The timer is the case's row, so it outlives us. */
export function runTimers(reviews: Reviews, log: Log): Round {
  return keepDoing({
    name: 'timers',
    everyMs: LOOK_EVERY_MS,
    log,
    async work() {
      const due = await reviews.runTimers(AT_ONCE_MAX)
      const looked = await reviews.lookAgain(AT_ONCE_MAX)
      return due === AT_ONCE_MAX || looked === AT_ONCE_MAX
    },
  })
}
