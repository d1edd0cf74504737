import type { Clock, Instant } from '../kernel/clock.ts'

/** Milliseconds that no setting of the system's clock moves, for how long things take; read once in a stretch. */
export const steadyMs: () => number = onceInAStretch(() => performance.now())

/** The same clock, read once in a stretch. */
export function turnClock(clock: Clock): Clock {
  return { now: onceInAStretch<Instant>(() => clock.now()) }
}

/**
 * Reads once for all that goes on without a pause, which are the requests of a turn: until no microtask is left. To read a clock
 * costs as much as to decide by a rule, a request would read it fifteen times, and a stretch takes a few milliseconds at most.
 */
function onceInAStretch<T>(read: () => T): () => T {
  let seen: T | null = null
  const forget = (): void => {
    seen = null
  }
  return () => {
    if (seen === null) {
      seen = read()
      process.nextTick(forget) // what a microtask asks for comes when none is left
    }
    return seen
  }
}
