/**
 * A window that slides: what was counted in the one before counts by the part of it that is less than a window ago. So at a
 * border there is not twice the limit, and a bucket is two numbers. `shared-window.ts` says the same to Redis.
 */

/** The whole points that may still be taken. @param over the part of the present window that is over, from 0 to 1 */
export function roomIn(limit: number, current: number, before: number, over: number): number {
  return Math.max(0, Math.floor(limit - current - before * (1 - over)))
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
    return Math.ceil(Math.max(0, windowMs * (1 - (spare - current) / before) - overMs))
  return Math.ceil(windowMs - overMs + Math.max(0, windowMs * (1 - spare / current)))
}
