import { MalformedAnswer } from './malformed-answer.ts'

const TOKEN = codesOf(/[!#$%&'*+\-.^_`|~0-9A-Za-z]/)
/** RFC 9110 section 5.5: visible, space, tab, and what is not ASCII. No CR, LF or NUL, whatever stands around it. */
const FIELD = codesOf(/[\t\x20-\x7e\x80-\xff]/)
const [TAB, SPACE, COLON, UPPER_A, UPPER_Z] = [0x09, 0x20, 0x3a, 0x41, 0x5a]

/**
 * A line of a head or of trailers (RFC 9112 section 5), which stands at `from` and ends before `to`: its name in lower case, and
 * its value without the white space around it. A line that goes on with the one before (obs-fold) has no name, and is refused.
 * @throws MalformedAnswer
 */
export function readFieldLine(text: string, from: number, to: number): [name: string, value: string] {
  let at = from
  let hasUpper = false
  for (; at < to; at++) {
    const code = text.charCodeAt(at)
    if (TOKEN[code] !== 1) break
    if (code >= UPPER_A && code <= UPPER_Z) hasUpper = true
  }
  if (at === from || text.charCodeAt(at) !== COLON) throw new MalformedAnswer('a line of its head has no name')
  const name = text.slice(from, at)
  let start = at + 1
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start += 1
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
  if (!isFieldText(text, start, end)) throw new MalformedAnswer('a header holds a character that none may hold')
  return [hasUpper ? name.toLowerCase() : name, text.slice(start, end)]
}

/** Whether a header's value, or a reason phrase, may hold all of this. */
export function isFieldText(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (FIELD[text.charCodeAt(at)] !== 1) return false
  return true
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

/** By code: 1 for the characters that match. All of them are of one byte. */
function codesOf(pattern: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (pattern.test(String.fromCharCode(code)) ? 1 : 0))
}
