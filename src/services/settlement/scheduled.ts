import { type Clock, toRfc3339 } from '../../kernel/clock.ts'
import type { Currency } from '../../kernel/money.ts'
import { keepDoing, type Round } from '../../platform/every.ts'
import type { Log } from '../../platform/log.ts'
import type { Outbox } from '../../platform/outbox.ts'
import { type Calendar, lastCutOffAt } from './cut-off.ts'
import type { SettlementService } from './service.ts'

const LOOK_EVERY_MS = 1_000
const PARTIES_AT_ONCE = 100

/** Closes at every cut-off of the calendar what each party has open; a party that is held up by breaks is tried again. */
export function startScheduled(options: {
  readonly outbox: Outbox
  readonly service: SettlementService
  readonly calendar: Calendar
  readonly clock: Clock
  readonly log: Log
}): Round {
  const { outbox, service, calendar, clock, log } = options
  let told = ''
  return keepDoing({
    name: 'cut-offs',
    everyMs: LOOK_EVERY_MS,
    log,
    async work() {
      const cutOff = lastCutOffAt(calendar, clock.now())
      if (cutOff === null) return false
      const parties = await outbox.transaction((sql) =>
        sql.query<{ member: string; currency: Currency }>(
          `SELECT DISTINCT line.member, line.currency FROM settlement_line AS line
           WHERE line.posted_at <= $1 AND NOT EXISTS (
             SELECT FROM settlement_batch AS batch WHERE batch.member = line.member AND batch.currency = line.currency
               AND batch.cut_off >= $1) AND NOT EXISTS (
             SELECT FROM settlement_batch_line AS taken WHERE taken.seq = line.seq AND taken.direction = line.direction)
           LIMIT $2`,
          [toRfc3339(cutOff), PARTIES_AT_ONCE],
        ),
      )
      let closed = 0
      for (const party of parties) {
        const outcome = await service.close({ ...party, cutOff })
        if (outcome.kind === 'closed') closed += 1
        else if (told !== `${outcome.kind} ${cutOff}`) {
          told = `${outcome.kind} ${cutOff}`
          log.warn(
            { ...party, cutOff: toRfc3339(cutOff), outcome: outcome.kind },
            'a batch was not closed at its cut-off',
          )
        }
      }
      return closed > 0
    },
  })
}
