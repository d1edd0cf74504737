import type { Instant } from '../../kernel/clock.ts'

/** From an instant until just before another. */
export type Period = { readonly from: Instant; readonly until: Instant }

/** The day and the month that an instant is in. */
export type Periods = { readonly day: Period; readonly month: Period }

export type Calendar = (now: Instant) => Periods

/**
 * Days and months as they begin in a time zone, which need not be 24 hours long. Worked out once for each day.
 * @throws RangeError where there is no such zone
 */
export function calendarIn(timeZone: string): Calendar {
  Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone)
  let newest: Periods | null = null
  return (now) => {
    const isIn = newest !== null && newest.day.from <= now && now < newest.day.until
    const periods = isIn && newest !== null ? newest : periodsAt(now, timeZone)
    newest = periods
    return periods
  }
}

function periodsAt(now: Instant, timeZone: string): Periods {
  const today = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone).toPlainDate()
  const beginning = (date: Temporal.PlainDate): Instant =>
    date.toZonedDateTime(timeZone).startOfDay().epochMilliseconds as Instant
  const first = today.with({ day: 1 })
  return {
    day: { from: beginning(today), until: beginning(today.add({ days: 1 })) },
    month: { from: beginning(first), until: beginning(first.add({ months: 1 })) },
  }
}
