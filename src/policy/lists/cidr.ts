/** An address as 32-bit words, the first the highest: one for IPv4, four for IPv6. */
export type Words = readonly number[]

/** All addresses whose first `bits` bits are those of `words`; the others are zero in it. */
export type Cidr = { readonly words: Words; readonly bits: number }

/** Reads `203.0.113.0/24`, `2001:db8::/32` or a single address. A text says why it is not one. */
export function parseCidr(text: string): Cidr | string {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const words = parseAddress(address)
  if (words === null) return `'${text}' is not an address range`
  const writtenBits = address.includes(':') ? 128 : 32
  const length = slash < 0 ? String(writtenBits) : text.slice(slash + 1)
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > writtenBits) {
    return `'${text}' has no prefix length between 0 and ${writtenBits}`
  }
  const bits = Number(length) - (writtenBits - words.length * 32)
  if (bits < 0) return `'${text}' has IPv4 addresses in it, and others: write two ranges`
  if (!isZeroBehind(words, bits)) return `'${text}' has bits set behind its prefix`
  return { words, bits }
}

/**
 * The words of an address; null when the text is none. An IPv4 address in IPv6 clothes (`::ffff:a.b.c.d`) is the IPv4
 * address (RFC 4291, section 2.5.5.2).
 */
export function parseAddress(text: string): Words | null {
  const words = text.includes(':') ? parseGroups(text) : parseFourParts(text)
  const isMapped = words?.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff
  return isMapped ? words.slice(3) : words
}

/** What one customer of IPv6 holds whole, so that its addresses count as one. */
const NETWORK_BITS = 56

/** The one who is behind an address: the address itself, of IPv6 its /56. What is no address stands for itself. */
export function networkOf(text: string): string {
  const words = parseAddress(text)
  if (words === null) return text
  const [first = 0, second = 0] = words
  const mask = (0xffffffff << (64 - NETWORK_BITS)) >>> 0
  return words.length === 1 ? formatAddress(words) : formatAddress([first, (second & mask) >>> 0, 0, 0])
}

/** An address in words as text, IPv6 without `::`. */
export function formatAddress(words: Words): string {
  if (words.length === 1) return [24, 16, 8, 0].map((shift) => ((words[0] ?? 0) >>> shift) & 0xff).join('.')
  return words.flatMap((word) => [word >>> 16, word & 0xffff].map((group) => group.toString(16))).join(':')
}

/*
 * Both forms are read by hand and character by character, since every look-up and every line of a list of a million comes
 * through here. What some read otherwise is no address: a part with a leading zero, a zone.
 */

function parseFourParts(text: string): Words | null {
  let word = 0
  let part = -1
  let dots = 0
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - DIGIT_0
    if (digit === DOT - DIGIT_0 && part >= 0 && dots < 3) {
      word = word * 256 + part
      part = -1
      dots += 1
    } else if (digit >= 0 && digit <= 9 && part !== 0) {
      part = part < 0 ? digit : part * 10 + digit
      if (part > 255) return null
    } else return null
  }
  return dots === 3 && part >= 0 ? [word * 256 + part] : null
}

/** RFC 4291, section 2.2: eight groups; `::` for the zero groups, once; the last two may be an IPv4 address. */
function parseGroups(text: string): Words | null {
  const groups: number[] = []
  let gap = text.startsWith('::') ? 0 : -1
  let group = 0
  let digits = 0
  for (let at = gap < 0 ? 0 : 2; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === COLON) {
      if (digits === 0 || at === text.length - 1) return null
      groups.push(group)
      group = digits = 0
      if (text.charCodeAt(at + 1) !== COLON) continue
      if (gap >= 0) return null
      gap = groups.length
      at += 1
    } else if (code === DOT) {
      const [word] = parseFourParts(text.slice(at - digits)) ?? []
      if (word === undefined) return null
      groups.push(word >>> 16, word & 0xffff)
      digits = 0
      break
    } else {
      const value = hexValue(code)
      if (value < 0 || digits === 4) return null
      group = group * 16 + value
      digits += 1
    }
  }
  if (digits > 0) groups.push(group)
  if (gap < 0 ? groups.length !== 8 : groups.length > 7) return null
  const words = [0, 0, 0, 0]
  for (const [index, value] of groups.entries()) {
    const at = gap < 0 || index < gap ? index : index + 8 - groups.length
    words[at >> 1] = (words[at >> 1] ?? 0) + (at % 2 === 0 ? value * 65_536 : value)
  }
  return words
}

const COLON = 58
const DOT = 46
const DIGIT_0 = 48

function hexValue(code: number): number {
  if (code >= DIGIT_0 && code <= 57) return code - DIGIT_0
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

function isZeroBehind(words: Words, bits: number): boolean {
  return words.every((word, index) => {
    const kept = Math.min(32, Math.max(0, bits - index * 32))
    return word % 2 ** (32 - kept) === 0
  })
}
