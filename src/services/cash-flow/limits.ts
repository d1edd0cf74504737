import { assert } from '../../kernel/assert.ts'
import type { Instant } from '../../kernel/clock.ts'
import type { Periods } from './calendar.ts'

/** What one transfer may take of an account, and all of a day and of a month, in minor units; null: there is no limit. */
export type Limits = {
  readonly perTransfer: bigint | null
  readonly perDay: bigint | null
  readonly perMonth: bigint | null
}

/** What was spent since `from`, in minor units. */
export type Count = { readonly from: Instant; readonly minor: bigint }

/**
 * What transfers have taken of an account: of the day and of the month in which the newest of them was made. It is counted
 * where there is no limit as well, so that one which is set at noon holds for the morning too. Each count begins with the
 * first transfer of its period, so it says by itself which are in it, in whatever time zone the periods are from now on.
 */
export type Spent = { readonly day: Count; readonly month: Count }

/** A limit that a transfer would exceed; `resetsAt`: when its count begins anew, null for one that counts nothing. */
export type ExceededLimit = {
  readonly limit: keyof Limits
  readonly amount: bigint
  readonly used: bigint
  readonly resetsAt: Instant | null
}

/** What a count can be kept as: the limit of a month of which the product says nothing. */
const COUNTED_MINOR_MAX = 9_000_000_000_000_000_000n

/** The first limit that is exceeded when so much more is spent. */
export function exceededBy(
  minor: bigint,
  { perTransfer, perDay, perMonth }: Limits,
  spent: Spent | null,
  periods: Periods,
): ExceededLimit | null {
  if (perTransfer !== null && minor > perTransfer) {
    return { limit: 'perTransfer', amount: perTransfer, used: 0n, resetsAt: null }
  }
  const ofDay = usedOf(spent?.day, periods.day.from)
  if (perDay !== null && ofDay + minor > perDay) {
    return { limit: 'perDay', amount: perDay, used: ofDay, resetsAt: periods.day.until }
  }
  const ofMonth = usedOf(spent?.month, periods.month.from)
  const most = perMonth ?? COUNTED_MINOR_MAX
  if (ofMonth + minor > most) {
    return { limit: 'perMonth', amount: most, used: ofMonth, resetsAt: periods.month.until }
  }
  return null
}

/** With so much more spent now. */
export function spentWith(minor: bigint, spent: Spent | null, periods: Periods, now: Instant): Spent {
  const counted = (count: Count | undefined, from: Instant): Count =>
    count !== undefined && count.from >= from ? { from: count.from, minor: count.minor + minor } : { from: now, minor }
  return { day: counted(spent?.day, periods.day.from), month: counted(spent?.month, periods.month.from) }
}

/** With so much given back of what was spent at a time: a count that has begun anew since then has nothing of it. */
export function spentWithout(minor: bigint, spent: Spent | null, spentAt: Instant): Spent | null {
  if (spent === null) return null // it was spent before anything was counted
  const counted = (count: Count): Count => {
    if (spentAt < count.from) return count
    assert(count.minor >= minor, 'what is given back was counted')
    return { from: count.from, minor: count.minor - minor }
  }
  return { day: counted(spent.day), month: counted(spent.month) }
}

function usedOf(count: Count | undefined, from: Instant): bigint {
  return count === undefined || count.from < from ? 0n : count.minor
}
