/** How many bytes a UTF-16 code unit takes in UTF-8 at most. */
const UNIT_BYTES_MAX = 3

/**
 * Text that grows piece by piece and is taken at once, as UTF-8. Its bytes lie outside of the heap: texts that wait there for
 * each other are copied by the collector each time it runs, while they wait.
 */
export interface TextBuffer {
  add(text: string): void
  /** Bytes so far. */
  size(): number
  /** All of it, until more is added; empty again after it. */
  take(): Buffer
}

/** @param bytesUsual room that is made at once, and kept; with more text it grows */
export function textBuffer(bytesUsual: number): TextBuffer {
  let room = Buffer.allocUnsafeSlow(0)
  let used = 0

  const makeRoomFor = (bytes: number): void => {
    const larger = Buffer.allocUnsafeSlow(Math.max(bytesUsual, 2 * room.length, used + bytes))
    room.copy(larger, 0, 0, used)
    room = larger
  }
  return {
    add(text) {
      const bytesMax = text.length * UNIT_BYTES_MAX
      if (used + bytesMax > room.length) makeRoomFor(bytesMax)
      used += room.write(text, used)
    },
    size: () => used,
    take() {
      const taken = room.subarray(0, used)
      used = 0
      return taken
    },
  }
}
