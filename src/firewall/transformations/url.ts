const HEX = '0123456789abcdef'

function hexAt(text: string, at: number): number {
  const high = HEX.indexOf(text[at]?.toLowerCase() ?? '?')
  const low = HEX.indexOf(text[at + 1]?.toLowerCase() ?? '?')
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

/** `%41` and `+`; what is no encoding stays. */
export function urlDecode(text: string): string {
  if (!/[%+]/.test(text)) return text
  return text.replace(/\+|%[0-9a-fA-F]{2}/g, (found) =>
    found === '+' ? ' ' : String.fromCharCode(Number.parseInt(found.slice(1), 16)),
  )
}

/** As `urlDecode`, and `%u0041`, of which the low byte is taken; full-width forms become what they look like. */
export function urlDecodeUni(text: string): string {
  if (!/[%+]/.test(text)) return text
  return text.replace(/\+|%u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}/gi, (found) => {
    if (found === '+') return ' '
    const isWide = found[1] === 'u' || found[1] === 'U'
    return isWide ? narrow(Number.parseInt(found.slice(2), 16)) : String.fromCharCode(hexAt(found, 1))
  })
}

/** What a UTF-16 unit is taken for where there are only bytes: the letter of ASCII that it looks like, else its low byte. */
export function narrow(unit: number): string {
  if (unit < 0x80) return String.fromCharCode(unit)
  const plain = LOOKS_LIKE[unit] ?? String.fromCharCode(unit).normalize('NFKD')[0] ?? ''
  return plain !== '' && plain < '\x80' ? plain : String.fromCharCode(unit & 0xff)
}

/** The best fit of what Unicode does not decompose, as databases and web servers of old have it. */
const LOOKS_LIKE: Readonly<Record<number, string>> = {
  ...of("'", 0x2b9, 0x2bb, 0x2bc, 0x2c8, 0x2018, 0x2019, 0x201b, 0x2032),
  ...of('"', 0x2ba, 0x201c, 0x201d, 0x201e, 0x2033),
  ...of('-', 0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212),
  ...of('/', 0x2044, 0x2215, 0x29f8),
  ...of('\\', 0x2216, 0x29f5),
  ...of('<', 0x2039, 0x2329, 0x3008),
  ...of('>', 0x203a, 0x232a, 0x3009),
  ...of('*', 0x2217),
  ...of('|', 0x2223),
  ...of(':', 0x2236),
  ...inOrder(
    '\u00a1\u00a2\u00a4\u00a5\u00a6\u00a9\u00ad\u00ae\u00b7\u00b8\u00c6\u00d0\u00d8\u00e6\u00f8\u0110\u0111\u0126\u0127\u0131\u0141\u0142\u0152\u0153\u0166\u0167\u0180\u0189\u0191\u0192\u0197\u019a\u019f\u01ab\u01ae\u01b6\u01e4\u01e5\u0261\u02c4\u02c6\u02cb\u02cd\u02dc\u0300\u0302\u0303\u030e\u0331\u0332\u201a\u2022\u2035',
    '!c$Y|C-R.,ADOaoDdHhiLlOoTtbDFfIlOtTzGgg^^`_~`^~"__,.`',
  ),
}

/** The letters that the units of a text look like, in their order: the best fit of US-ASCII, code page 20127. */
function inOrder(units: string, letters: string): Record<number, string> {
  return Object.fromEntries([...units].map((unit, index) => [unit.charCodeAt(0), letters[index] ?? '']))
}

function of(letter: string, ...units: readonly number[]): Record<number, string> {
  return Object.fromEntries(units.map((unit) => [unit, letter]))
}

/** Bytes that are UTF-8 of more than one byte become `%uXXXX`. */
export function utf8toUnicode(text: string): string {
  if (!/[\x80-\xff]/.test(text)) return text
  return text.replace(MULTIBYTE, (bytes) => {
    const code = codeOf(bytes)
    return `%u${(code > 0xffff ? code & 0xffffff : code).toString(16).padStart(4, '0')}`
  })
}

/** Longer than they need be, too: what decoded them would read them so. */
const MULTIBYTE = /[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}/g

function codeOf(bytes: string): number {
  const lead = bytes.charCodeAt(0) & (0xff >> (bytes.length + 1))
  return [...bytes.slice(1)].reduce((code, byte) => (code << 6) | (byte.charCodeAt(0) & 0x3f), lead)
}

/** All but letters, digits and `*` as `%41`; a space as `+`. */
export function urlEncode(text: string): string {
  return text.replace(/[^A-Za-z0-9*]/g, (byte) =>
    byte === ' ' ? '+' : `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
