import type { Instant } from '../../kernel/clock.ts'

/** When batches are closed by themselves: at these times of day in this time zone, but for the days on which nothing is. */
export type Calendar = {
  /** An IANA name, `Asia/Shanghai`. */
  readonly timeZone: string
  /** `17:00` */
  readonly times: readonly string[]
  /** 1 is Monday, 7 is Sunday. */
  readonly closedWeekdays: readonly number[]
  /** `2026-10-01` */
  readonly closedDates: readonly string[]
}

/** A holiday may be long, but not without end: further back no cut-off is looked for. */
const DAYS_BACK_MAX = 31

/**
 * The newest cut-off at or before `now`; null when there is none within a month. A time of day that a change of clocks leaves out is
 * as much later as the clocks are put on; one that there is twice is the first of the two.
 */
export function lastCutOffAt({ timeZone, times, closedWeekdays, closedDates }: Calendar, now: Instant): Instant | null {
  const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone).toPlainDate()
  const latestFirst = [...times].sort().reverse()
  for (let back = 0; back <= DAYS_BACK_MAX; back += 1) {
    const day = today.subtract({ days: back })
    if (closedWeekdays.includes(day.dayOfWeek) || closedDates.includes(day.toString())) continue
    for (const time of latestFirst) {
      const at = day.toZonedDateTime({ timeZone, plainTime: Temporal.PlainTime.from(time) }).epochMilliseconds
      if (at <= now) return at as Instant
    }
  }
  return null
}

/** @throws Error for a time zone, a time or a date that is none */
export function checkCalendar(calendar: Calendar): void {
  try {
    for (const date of calendar.closedDates) Temporal.PlainDate.from(date)
    for (const time of calendar.times) Temporal.PlainTime.from(time)
    lastCutOffAt(calendar, 0 as Instant)
  } catch (cause) {
    throw new Error(`the calendar of settlement: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
