import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Currency } from '../../kernel/money.ts'
import { keepDoing, type Round } from '../../platform/every.ts'
import type { Log } from '../../platform/log.ts'
import type { Outbox } from '../../platform/outbox.ts'
import { type Calendar, lastCutOffAt } from './cut-off.ts'
import type { SettlementService } from './service.ts'

const LOOK_EVERY_MS = 1_000
const PARTIES_AT_ONCE = 100
/** A party that breaks hold up is tried again after so long. */
const AGAIN_AFTER_MS = 30_000

/** Closes at every cut-off of the calendar what each party has open; who is held up by breaks is tried again. */
export function startScheduled(options: {
  readonly outbox: Outbox
  readonly service: SettlementService
  readonly calendar: Calendar
  readonly clock: Clock
  readonly log: Log
}): Round {
  const { outbox, service, calendar, clock, log } = options
  /** The cut-off that was gone through, and when it is to be looked at once more; null: never. */
  let gone: { readonly cutOff: Instant; readonly againAt: number | null } | null = null

  return keepDoing({
    name: 'cut-offs',
    everyMs: LOOK_EVERY_MS,
    log,
    async work() {
      const now = clock.now()
      const cutOff = lastCutOffAt(calendar, now)
      if (cutOff === null) return false
      if (gone?.cutOff === cutOff && (gone.againAt === null || gone.againAt > now)) return false
      const parties = await outbox.transaction((sql) =>
        sql.query<{ member: string; currency: Currency }>(OPEN_AT, [toRfc3339(cutOff), PARTIES_AT_ONCE]),
      )
      let closed = 0
      for (const party of parties) {
        const { kind } = await service.close({ ...party, cutOff })
        if (kind === 'closed') closed += 1
        else log.warn({ ...party, cutOff: toRfc3339(cutOff), outcome: kind }, 'a batch was not closed at its cut-off')
      }
      if (closed > 0) return true // there may be more
      gone = { cutOff, againAt: parties.length === 0 ? null : now + AGAIN_AFTER_MS }
      return false
    },
  })
}

/** Who has lines up to a time that no batch has, and no batch that reaches as far. */
const OPEN_AT = `SELECT DISTINCT line.member, line.currency FROM open_line AS line
  WHERE line.posted_at <= $1 AND NOT EXISTS (
    SELECT FROM settlement_batch AS batch
    WHERE batch.member = line.member AND batch.currency = line.currency AND batch.cut_off >= $1
  ) LIMIT $2`
