import ipaddr from 'ipaddr.js'

type Family = 4 | 6
type Range = { readonly first: bigint; readonly last: bigint }

/** A set of address ranges; look-up is a binary search over merged ranges. */
export type CidrSet = {
  /** Whether the address is in the set. @throws RangeError when the text is not an IP address */
  has(address: string): boolean
}

export function cidrSet(cidrs: readonly Cidr[]): CidrSet {
  const ranges = { 4: merged(cidrs, 4), 6: merged(cidrs, 6) }
  return {
    has(address) {
      const parsed = parseAddress(address)
      if (parsed === null) throw new RangeError(`'${address}' is not an IP address`)
      return contains(ranges[parsed.family], parsed.value)
    },
  }
}

export type Cidr = Range & { readonly family: Family }

export function isAddress(text: string): boolean {
  return parseAddress(text) !== null
}

/** Reads `203.0.113.0/24`, `2001:db8::/32` or a single address. A text says why it is not one. */
export function parseCidr(text: string): Cidr | string {
  const [address = '', length, ...rest] = text.split('/')
  const parsed = parseAddress(address)
  const bits = parsed?.family === 4 && !address.includes(':') ? 32 : 128
  if (parsed === null || rest.length > 0) return `'${text}' is not an address range`
  if (length !== undefined && (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > bits)) {
    return `'${text}' has no prefix length between 0 and ${bits}`
  }
  const host = (1n << BigInt(bits - Number(length ?? bits))) - 1n
  if ((parsed.value & host) !== 0n) return `'${text}' has bits set behind its prefix`
  return { family: parsed.family, first: parsed.value, last: parsed.value | host }
}

/** An IPv4 address in IPv6 clothes (`::ffff:a.b.c.d`) is the IPv4 address (RFC 4291, section 2.5.5.2). */
function parseAddress(text: string): { readonly family: Family; readonly value: bigint } | null {
  const isAddress = text.includes(':') ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text)
  if (!isAddress || text.includes('%')) return null
  const address = ipaddr.process(text)
  let value = 0n
  for (const byte of address.toByteArray()) value = (value << 8n) | BigInt(byte)
  return { family: address.kind() === 'ipv4' ? 4 : 6, value }
}

function merged(cidrs: readonly Cidr[], family: Family): readonly Range[] {
  const sorted = cidrs.filter((cidr) => cidr.family === family).sort((a, b) => (a.first < b.first ? -1 : 1))
  const ranges: { first: bigint; last: bigint }[] = []
  for (const { first, last } of sorted) {
    const previous = ranges.at(-1)
    if (previous === undefined || first > previous.last + 1n) ranges.push({ first, last })
    else if (last > previous.last) previous.last = last
  }
  return ranges
}

function contains(ranges: readonly Range[], value: bigint): boolean {
  let low = 0
  let high = ranges.length - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    const range = ranges[middle]
    if (range === undefined) return false
    if (value < range.first) high = middle - 1
    else if (value > range.last) low = middle + 1
    else return true
  }
  return false
}
