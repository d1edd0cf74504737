import type { Clock, Instant } from '../../kernel/clock.ts'
import type { Database } from '../../platform/database.ts'
import { keepDoing, type Round } from '../../platform/every.ts'
import type { Log } from '../../platform/log.ts'
import { forgetBefore } from './counted-transfers.ts'
import { KNOWN_PAYEE_MS } from './velocity.ts'

const LOOK_EVERY_MS = 600_000
const AT_ONCE_MAX = 1_000

/** Lets go what velocity looks back at no more: what was counted is bounded by half a year of transfers. */
export function forgetOldCounts(deps: {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
}): Round {
  const { database, clock, log } = deps
  return keepDoing({
    name: 'old counts',
    everyMs: LOOK_EVERY_MS,
    log,
    async work() {
      const before = (clock.now() - KNOWN_PAYEE_MS) as Instant
      const gone = await database.transaction((sql) => forgetBefore(sql, before, AT_ONCE_MAX))
      return gone === AT_ONCE_MAX
    },
  })
}
