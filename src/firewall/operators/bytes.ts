import { type ByteSet, bytesIn, complement, hasByte, oneByte } from '../patterns/byte-set.ts'
import { type Match, YES } from './operator.ts'

/** @param bytes one of which a text with the fault has */
const of = (bytes: ByteSet, isFault: (text: string) => boolean): Match => ({
  required: [{ anyOf: null, bytes: [bytes] }],
  match: (text) => (isFault(text) ? YES : null),
})

/** Matches a text with a byte outside `1-255,9`. The text is why the ranges can't be read. */
export function validateByteRange(argument: string): Match | string {
  const ranges: (readonly [number, number])[] = []
  for (const part of argument.split(',').map((each) => each.trim())) {
    const [, first, last = first] = /^(\d{1,3})(?:\s*-\s*(\d{1,3}))?$/.exec(part) ?? []
    if (part === '') continue
    if (first === undefined || Number(first) > 255 || Number(last) > 255) return `${part} is no range of bytes`
    ranges.push([Number(first), Number(last)])
  }
  const allowed: ByteSet = bytesIn(...ranges)
  return of(complement(allowed), (text) => {
    for (let at = 0; at < text.length; at++) if (!hasByte(allowed, text.charCodeAt(at) & 255)) return true
    return false
  })
}

/** Matches a text with a `%` that two hexadecimal digits do not follow. */
export const validateUrlEncoding: Match = of(oneByte(0x25), (text) => /%(?![0-9a-fA-F]{2})/.test(text))

/** Matches a text that is not UTF-8 (RFC 3629): overlong, surrogates and what is cut off as well. */
export const validateUtf8Encoding: Match = of(bytesIn([0x80, 0xff]), (text) => !UTF8.test(text))

const UTF8 =
  /^(?:\p{ASCII}|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*$/u

/** Whether the last digit is that of Luhn: of a card, for one. */
function isLuhn(digits: string): boolean {
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at])
    const doubled = at % 2 === 0 ? digit : digit * 2
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

export function isCardNumber(found: string): boolean {
  const digits = found.replace(/\D/g, '')
  return digits.length >= 8 && isLuhn(digits)
}
