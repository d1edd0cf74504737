/** A moment, in milliseconds since the Unix epoch (UTC). */
export type Instant = number & { readonly brand: 'Instant' }

/** Time is passed in, so that a test or a simulation can own it. */
export interface Clock {
  now(): Instant
}

export const systemClock: Clock = { now: () => Date.now() as Instant }

/** A clock that stands still until it is told to move. */
export function manualClock(start: Instant): Clock & { advance(ms: number): void } {
  let current = start
  return {
    now: () => current,
    advance: (ms) => {
      current = (current + ms) as Instant
    },
  }
}

/** RFC 3339 in UTC with milliseconds, the form of every time on the wire. */
export function toRfc3339(instant: Instant): string {
  if (instant !== lastWritten) {
    lastText = new Date(instant).toISOString()
    lastWritten = instant
  }
  return lastText
}

/** Much happens in the same millisecond. */
let lastWritten: Instant | null = null
let lastText = ''

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/

/** Reads an RFC 3339 time; null when the text is anything else, a plain date included. */
export function fromRfc3339(text: string): Instant | null {
  if (!RFC_3339.test(text)) return null
  const instant = Date.parse(text)
  return Number.isNaN(instant) ? null : (instant as Instant)
}
