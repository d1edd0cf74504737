import {
  type ByteSet,
  bytesIn,
  caseless,
  complement,
  DIGIT,
  NO_BYTES,
  oneByte,
  POSIX,
  SPACE,
  union,
  WORD,
} from './byte-set.ts'
import { PatternFault } from './syntax.ts'

/** A text that is read from left to right. */
export type Reading = { readonly text: string; at: number }

const CLASSES: Readonly<Record<string, ByteSet>> = {
  d: DIGIT,
  D: complement(DIGIT),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
  h: bytesIn([0x09, 0x09], [0x20, 0x20], [0xa0, 0xa0]),
  v: bytesIn([0x0a, 0x0d], [0x85, 0x85]),
  N: complement(oneByte(0x0a)),
}
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, a: 7, e: 27 }

/** What a backslash and what follows it stand for, if that is one byte of a set; null if it is something else. */
export function readEscape(reading: Reading, inClass: boolean): ByteSet | null {
  const { text, at } = reading
  const name = text[at + 1] ?? ''
  const take = (length: number, set: ByteSet): ByteSet => {
    reading.at += length
    return set
  }
  if (name === '') throw new PatternFault('the pattern ends with a backslash')
  const named = CLASSES[name]
  if (named !== undefined) return take(2, named)
  const control = CONTROLS[name]
  if (control !== undefined) return take(2, oneByte(control))
  if (inClass && name === 'b') return take(2, oneByte(8))
  if (name === 'x') {
    const braced = /^\\x\{([0-9a-f]{1,8})\}/i.exec(text.slice(at, at + 16))
    const [whole, digits = ''] = braced ?? /^\\x([0-9a-f]{0,2})/i.exec(text.slice(at, at + 4)) ?? ['\\x', '']
    const value = digits === '' ? 0 : Number.parseInt(digits, 16)
    if (value > 255) throw new PatternFault(`${whole} is no byte`)
    return take(whole.length, oneByte(value))
  }
  const octal = (inClass ? /^\\([0-7]{1,3})/ : /^\\(0[0-7]{0,2}|[1-3][0-7]{2})/).exec(text.slice(at, at + 4))
  if (octal !== null) return take(octal[0].length, oneByte(Number.parseInt(octal[1] ?? '0', 8) & 255))
  if (/[A-Za-z1-9]/.test(name)) {
    if (inClass) throw new PatternFault(`\\${name} is not known in a class`)
    return null
  }
  return take(2, oneByte(name.charCodeAt(0) & 255))
}

/** Reads `[…]`; the reading stands at its `[`. */
export function readClass(reading: Reading, ignoresCase: boolean): ByteSet {
  const { text } = reading
  let set = NO_BYTES
  reading.at += 1
  const isNegated = text[reading.at] === '^'
  if (isNegated) reading.at += 1
  for (let first = true; ; first = false) {
    if (reading.at >= text.length) throw new PatternFault('a class is not closed')
    if (text[reading.at] === ']' && !first) break
    const low = readMember(reading)
    const isRange = text[reading.at] === '-' && text[reading.at + 1] !== ']' && reading.at + 1 < text.length
    if (!isRange || low.byte === null) {
      set = union(set, low.set)
      continue
    }
    reading.at += 1
    const high = readMember(reading)
    if (high.byte === null) set = union(set, low.set, oneByte(0x2d), high.set)
    else if (high.byte < low.byte) throw new PatternFault('a range of a class ends before it begins')
    else set = union(set, bytesIn([low.byte, high.byte]))
  }
  reading.at += 1
  if (ignoresCase) set = caseless(set)
  return isNegated ? complement(set) : set
}

/** A member of a class; `byte` null: a set by name. */
function readMember(reading: Reading): { readonly set: ByteSet; readonly byte: number | null } {
  const { text, at } = reading
  const posix = /^\[:(\^?)([a-z]+):\]/.exec(text.slice(at, at + 14))
  if (posix !== null) {
    const [whole, sign, name = ''] = posix
    const named = POSIX[name]
    if (named === undefined) throw new PatternFault(`there is no class ${whole}`)
    reading.at += whole.length
    return { set: sign === '^' ? complement(named) : named, byte: null }
  }
  if (text[at] !== '\\') {
    reading.at += 1
    const byte = text.charCodeAt(at)
    if (byte > 255) throw new PatternFault(`${text[at]} is no byte`)
    return { set: oneByte(byte), byte }
  }
  const name = text[at + 1] ?? ''
  const set = readEscape(reading, true) ?? NO_BYTES
  if (CLASSES[name] !== undefined) return { set, byte: null }
  const word = set.findIndex((bits) => bits !== 0)
  return { set, byte: word * 32 + (31 - Math.clz32(set[word] ?? 1)) }
}
