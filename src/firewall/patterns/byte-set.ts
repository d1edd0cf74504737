/** A set of bytes, as 8 words of 32 bits, signed: those are small integers to the engine. */
export type ByteSet = readonly number[]

export const NO_BYTES: ByteSet = [0, 0, 0, 0, 0, 0, 0, 0]

/** @param ranges pairs of the first and the last byte of a range */
export function bytesIn(...ranges: readonly (readonly [first: number, last: number])[]): ByteSet {
  const words = [...NO_BYTES]
  for (const [first, last] of ranges) {
    for (let byte = first; byte <= last; byte++) words[byte >> 5] = (words[byte >> 5] ?? 0) | (1 << (byte & 31))
  }
  return words
}

export function union(...sets: readonly ByteSet[]): ByteSet {
  return NO_BYTES.map((_, word) => sets.reduce((bits, set) => bits | (set[word] ?? 0), 0))
}

export function complement(set: ByteSet): ByteSet {
  return set.map((bits) => ~bits)
}

export function hasByte(set: ByteSet, byte: number): boolean {
  return (((set[byte >> 5] ?? 0) >>> (byte & 31)) & 1) === 1
}

export function bytesOf(set: ByteSet): readonly number[] {
  const bytes: number[] = []
  for (let byte = 0; byte < 256; byte++) if (hasByte(set, byte)) bytes.push(byte)
  return bytes
}

/** How many bytes there are in it. */
export function sizeOf(set: ByteSet): number {
  let size = 0
  for (const word of set) for (let bits = word; bits !== 0; bits &= bits - 1) size += 1
  return size
}

/** Whether any of its bytes is among those. */
export function meets(set: ByteSet, bytes: ByteSet): boolean {
  for (let word = 0; word < 8; word++) if (((set[word] ?? 0) & (bytes[word] ?? 0)) !== 0) return true
  return false
}

/** With both cases of each letter of ASCII. */
export function caseless(set: ByteSet): ByteSet {
  const [a, b, upper = 0, lower = 0, ...rest] = set
  const letters = (upper | lower) & 0x07fffffe
  return [a ?? 0, b ?? 0, upper | letters, lower | letters, ...rest]
}

export function oneByte(byte: number): ByteSet {
  return bytesIn([byte, byte])
}

export const ANY: ByteSet = complement(NO_BYTES)
export const DIGIT = bytesIn([0x30, 0x39])
export const WORD = union(DIGIT, bytesIn([0x41, 0x5a], [0x61, 0x7a], [0x5f, 0x5f]))
/** As PCRE has it, with the vertical tab. */
export const SPACE = bytesIn([0x09, 0x0d], [0x20, 0x20])
export const LINE_END = bytesIn([0x0a, 0x0a])

const LOWER = bytesIn([0x61, 0x7a])
const UPPER = bytesIn([0x41, 0x5a])
const PUNCT = bytesIn([0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e])
/** `[[:alpha:]]` and its like. */
export const POSIX: Readonly<Record<string, ByteSet>> = {
  alnum: union(DIGIT, LOWER, UPPER),
  alpha: union(LOWER, UPPER),
  ascii: bytesIn([0, 0x7f]),
  blank: bytesIn([0x09, 0x09], [0x20, 0x20]),
  cntrl: bytesIn([0, 0x1f], [0x7f, 0x7f]),
  digit: DIGIT,
  graph: bytesIn([0x21, 0x7e]),
  lower: LOWER,
  print: bytesIn([0x20, 0x7e]),
  punct: PUNCT,
  space: SPACE,
  upper: UPPER,
  word: WORD,
  xdigit: union(DIGIT, bytesIn([0x41, 0x46], [0x61, 0x66])),
}

/** A text of bytes in small letters. Bytes beyond ASCII are what they are: they may be parts of characters. */
export function inSmallLetters(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (found) => found.toLowerCase()) : text
}
