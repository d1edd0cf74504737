import type { Instant } from '../kernel/clock.ts'

const RECEIPTS_PER_SECOND_MAX = 10

/**
 * Receipts of what comes in floods: the first few of a second are written, and each says how many refusals there were since
 * the one before, itself included, so that a flood does not fill the log and is told of in full.
 */
export function sparseReceipts(): (now: Instant, write: (refused: number) => void) => void {
  let second = 0
  let written = 0
  let unwritten = 0
  return (now, write) => {
    if (Math.floor(now / 1_000) !== second) {
      second = Math.floor(now / 1_000)
      written = 0
    }
    unwritten += 1
    if (written === RECEIPTS_PER_SECOND_MAX) return
    written += 1
    write(unwritten)
    unwritten = 0
  }
}
