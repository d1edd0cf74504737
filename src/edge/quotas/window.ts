/**
 * A window that slides: what was counted in the one before counts by the part of it that is less than a window ago. So at a
 * border there is not twice the limit, and a bucket is two numbers. `shared-window.ts` says the same to Redis.
 *
 * Whole numbers are multiplied before they are divided: a part of a window as a fraction (0.3) is no exact number, and would
 * refuse at the very millisecond at which a caller was told to come back.
 */

/** The whole points that may still be taken. @param overMs what of the present window is over, from 0 to `windowMs` */
export function roomIn(limit: number, current: number, before: number, overMs: number, windowMs: number): number {
  const stillCounted = Math.ceil((before * (windowMs - overMs)) / windowMs)
  return Math.max(0, limit - current - stillCounted)
}

/** The milliseconds until so many points may be taken, if nobody else takes any. */
export function waitFor(
  points: number,
  limit: number,
  current: number,
  before: number,
  overMs: number,
  windowMs: number,
): number {
  const spare = limit - points
  if (spare < 0) return windowMs // never
  if (current <= spare && before > 0)
    return Math.max(0, Math.ceil((windowMs * (before - (spare - current))) / before) - overMs)
  return windowMs - overMs + Math.max(0, Math.ceil((windowMs * (current - spare)) / current))
}
