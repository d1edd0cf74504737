import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Currency } from '../../kernel/money.ts'
import { keepDoing, type Round } from '../../platform/every.ts'
import type { Log } from '../../platform/log.ts'
import type { Outbox } from '../../platform/outbox.ts'
import { type Calendar, lastCutOffAt } from './cut-off.ts'
import type { FeedBehind } from './feed-behind.ts'
import type { SettlementService } from './service.ts'

const LOOK_EVERY_MS = 1_000
const PARTIES_AT_ONCE = 100
/** Who was not closed, or came while others were, is looked at again after so long. */
const AGAIN_AFTER_MS = 30_000

type Party = { readonly member: string; readonly currency: Currency }
const BEFORE_ALL = { member: '', currency: '' }

/**
 * Closes at every cut-off of the calendar what each party has open, party after party. Who fails, and currencies that breaks
 * hold up, keep nobody else waiting, and are tried again.
 */
export function startScheduled(options: {
  readonly outbox: Outbox
  readonly service: SettlementService
  readonly calendar: Calendar
  readonly behind: FeedBehind
  readonly clock: Clock
  readonly log: Log
}): Round {
  const { outbox, service, calendar, behind, clock, log } = options
  /** The cut-off that was gone through, and when it is to be looked at once more; null: never. */
  let gone: { readonly cutOff: Instant; readonly againAt: number | null } | null = null
  /** How far the parties of a cut-off were gone through, and whether there is a reason to look again. */
  let pass: {
    readonly cutOff: Instant
    readonly after: { member: string; currency: string }
    readonly again: boolean
  } | null = null

  const close = async (party: Party, cutOff: Instant): Promise<void> => {
    const told = { ...party, cutOff: toRfc3339(cutOff) }
    try {
      const { kind } = await service.close({ ...party, cutOff })
      if (kind !== 'closed') log.warn({ ...told, outcome: kind }, 'a batch was not closed at its cut-off')
    } catch (err) {
      log.error({ ...told, err }, 'a batch was not closed at its cut-off')
    }
  }

  return keepDoing({
    name: 'cut-offs',
    everyMs: LOOK_EVERY_MS,
    log,
    async work() {
      const now = clock.now()
      const cutOff = lastCutOffAt(calendar, now)
      if (cutOff === null) return false
      if (gone?.cutOff === cutOff && (gone.againAt === null || gone.againAt > now)) return false
      if (!(await behind.isOver(cutOff))) return false // looked at again in a second
      const { after, again } = pass?.cutOff === cutOff ? pass : { after: BEFORE_ALL, again: false }
      const heldUp = await service.heldUp()
      const values = [toRfc3339(cutOff), heldUp, after.member, after.currency, PARTIES_AT_ONCE]
      const parties = await outbox.transaction((sql) => sql.query<Party>(OPEN_AT, values))
      for (const party of parties) await close(party, cutOff)
      const last = parties.at(-1)
      const more = again || last !== undefined || heldUp.length > 0
      if (last !== undefined && parties.length === PARTIES_AT_ONCE) {
        pass = { cutOff, after: last, again: more }
        return true
      }
      pass = null
      if (heldUp.length > 0)
        log.warn({ cutOff: toRfc3339(cutOff), heldUp }, 'open breaks hold up the batches of currencies')
      gone = { cutOff, againAt: more ? now + AGAIN_AFTER_MS : null }
      return false
    },
  })
}

/**
 * Who has lines up to a time that no batch has, or is owed what was not paid by then, and no batch that reaches as far; not in
 * some currencies, and behind a party.
 */
const OPEN_AT = `SELECT DISTINCT line.member, line.currency FROM (
    SELECT member, currency, posted_at AS at FROM open_line
    UNION ALL
    SELECT member, currency, next_try_at FROM payout WHERE state IN ('refused', 'returned') AND carried_in IS NULL
  ) AS line
  WHERE line.at <= $1 AND line.currency <> ALL($2) AND (line.member, line.currency) > ($3, $4) AND NOT EXISTS (
    SELECT FROM settlement_batch AS batch
    WHERE batch.member = line.member AND batch.currency = line.currency AND batch.cut_off >= $1
  ) ORDER BY line.member, line.currency LIMIT $5`
