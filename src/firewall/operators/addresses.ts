import ipaddr from 'ipaddr.js'
import { type Match, YES } from './operator.ts'

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number]

/** Matches an address in any of these ranges, parted by commas or white space. The text is what can't be read. */
export function ipMatch(argument: string): Match | string {
  const ranges: Range[] = []
  for (const part of argument.split(/[\s,]+/).filter((each) => each !== '')) {
    const range = rangeOf(part)
    if (range === null) return `${part} is no address and no range of addresses`
    ranges.push(range)
  }
  return {
    required: null,
    match(text: string) {
      if (!ipaddr.isValid(text)) return null
      const address = ipaddr.process(text)
      const isIn = ([network, bits]: Range): boolean =>
        address.kind() === network.kind() && address.match(network, bits)
      return ranges.some(isIn) ? YES : null
    },
  }
}

/** IPv4 in IPv6 clothes (RFC 4291, section 2.5.5.2) is IPv4. */
const MAPPED_BITS = 96

function rangeOf(text: string): Range | null {
  try {
    if (!text.includes('/')) return [ipaddr.process(text), ipaddr.process(text).kind() === 'ipv4' ? 32 : 128]
    const [network, bits] = ipaddr.parseCIDR(text)
    const isMapped = 'isIPv4MappedAddress' in network && network.isIPv4MappedAddress() && bits >= MAPPED_BITS
    return isMapped ? [ipaddr.process(network.toString()), bits - MAPPED_BITS] : [network, bits]
  } catch {
    return null
  }
}
