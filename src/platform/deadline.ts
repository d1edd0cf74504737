/**
 * For how long its sender will wait for the answer, retries included, in whole milliseconds from when it sent the request.
 * Each hop passes on what is left; work that nobody waits for any more is not begun.
 */
export const DEADLINE_HEADER = 'tidegate-deadline-ms'

/** Null where none is given, or none that can be understood. */
export function readDeadlineMs(value: string | readonly string[] | undefined): number | null {
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : null
}
