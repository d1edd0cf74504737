import { narrow } from './url.ts'

const byte = (value: number): string => String.fromCharCode(value & 0xff)
const CONTROLS: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/** The escapes of JavaScript: `\u0041`, `\x41`, `\101`, `\n`. */
export function jsDecode(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(
    /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-3]?[0-7]{1,2})|([\s\S]))/g,
    (_, wide, hex, octal, other) => {
      if (wide !== undefined) return narrow(Number.parseInt(wide, 16))
      if (hex !== undefined) return byte(Number.parseInt(hex, 16))
      return octal === undefined ? (CONTROLS[other] ?? other) : byte(Number.parseInt(octal, 8))
    },
  )
}

/** The escapes of ANSI C: `\x41`, `\101`, `\n`; any other backslash goes. */
export function escapeSeqDecode(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|([\s\S]))/g, (whole, hex, octal, other) => {
    if (hex !== undefined) return byte(Number.parseInt(hex, 16))
    if (octal !== undefined) return byte(Number.parseInt(octal, 8))
    return CONTROLS[other] ?? (/[?'"\\]/.test(other) || !/[a-z]/i.test(other) ? other : whole)
  })
}

/** The escapes of CSS: a backslash and up to six hexadecimal digits, of which the last two count, or another character. */
export function cssDecode(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\(?:([0-9a-fA-F]{1,6})[ \t\n\r\f\v]?|\n|([\s\S])|$)/g, (_, digits, other) => {
    if (digits === undefined) return other ?? ''
    const wide = /^0{0,2}[fF]{2}[0-9a-fA-F]{2}$/.test(digits) ? 0xff00 : 0
    return narrow(wide | (Number.parseInt(digits, 16) & 0xff))
  })
}

const NAMED: Readonly<Record<string, string>> = {
  quot: '"',
  amp: '&',
  lt: '<',
  gt: '>',
  nbsp: '\xa0',
}

/** `&lt;`, `&#60;`, `&#x3c;`, with or without the semicolon. */
export function htmlEntityDecode(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#[xX]([0-9a-fA-F]+)|#([0-9]+)|(quot|amp|lt|gt|nbsp));?/gi, (_, hex, decimal, name) => {
    if (hex !== undefined) return byte(Number.parseInt(hex.slice(-8), 16))
    return decimal === undefined ? (NAMED[name.toLowerCase()] ?? '') : byte(Number(decimal.slice(-9)))
  })
}

/** `0x414243` as in SQL. */
export function sqlHexDecode(text: string): string {
  if (!/0x/i.test(text)) return text
  return text.replace(/0x((?:[0-9a-f]{2})+)/gi, (_, digits) => Buffer.from(digits, 'hex').toString('latin1'))
}

/** Up to the first pair that is no hexadecimal. */
export function hexDecode(text: string): string {
  return Buffer.from(text, 'hex').toString('latin1')
}

export function hexEncode(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex')
}

export function base64Encode(text: string): string {
  return Buffer.from(text, 'latin1').toString('base64')
}

/** What is no Base64 stays as it is, as in ModSecurity 3. */
export function base64Decode(text: string): string {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64').toString('latin1') : text
}

/** Characters that are not of Base64 are passed over. */
export function base64DecodeExt(text: string): string {
  return Buffer.from(text.replace(/[^A-Za-z0-9+/]/g, ''), 'base64').toString('latin1')
}
