import ipaddr from 'ipaddr.js'
import { remembering } from './remembering.ts'

export type TrustedProxies = { has(address: string): boolean }

/** The widest range that one owner has: 10.0.0.0/8 and fc00::/7 (RFC 1918, RFC 4193). Wider ones trust strangers. */
const PREFIX_BITS_MIN = { ipv4: 8, ipv6: 7 }

/** Proxies by their CIDRs. A hop count, or "trust all", can be spoofed and has no spelling here. @throws Error on a bad CIDR */
export function trustedProxies(cidrs: readonly string[]): TrustedProxies {
  const ranges = cidrs.map((cidr) => {
    if (!ipaddr.isValidCIDR(cidr)) throw new Error(`edge.trusted_proxies: ${JSON.stringify(cidr)} is not a CIDR`)
    const [address, bits] = ipaddr.parseCIDR(cidr)
    if (bits < PREFIX_BITS_MIN[address.kind()]) throw new Error(`edge.trusted_proxies: ${cidr} trusts strangers`)
    return { address, bits }
  })
  return {
    has(text) {
      if (ranges.length === 0 || !ipaddr.isValid(text)) return false
      const address = ipaddr.process(text)
      return ranges.some((range) => range.address.kind() === address.kind() && address.match(range.address, range.bits))
    },
  }
}

/**
 * The client's address: the socket's, or, where that is a trusted proxy, the right-most entry of X-Forwarded-For that is
 * not one. What stands left of it is the client's own word. In plain form: `::ffff:10.0.0.1` is `10.0.0.1`.
 */
export function clientAddress(
  socketAddress: string,
  forwardedFor: string | undefined,
  proxies: TrustedProxies,
): string {
  let address = plainSocketAddress(socketAddress)
  if (forwardedFor === undefined) return address
  for (const hop of forwardedFor.split(',').reverse()) {
    if (!proxies.has(address)) return address
    const next = plainAddress(withoutPort(hop.trim()))
    if (next === null) return address // not an address: the last one that can be believed is the proxy's
    address = next
  }
  return address
}

const plainSocketAddress = remembering((address) => plainAddress(address) ?? address)

/** Some proxies write `203.0.113.9:4711` and `[2001:db8::1]:4711`, as RFC 7239 section 6 has it. */
function withoutPort(hop: string): string {
  return /^\[([^\]]+)\](?::\d{1,5})?$/.exec(hop)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(hop)?.[1] ?? hop
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

/** Most are IPv4 as it is written everywhere, if in IPv6 clothes: these need no reader that knows every other form. */
function plainAddress(text: string): string | null {
  const bare = text.startsWith('::ffff:') ? text.slice('::ffff:'.length) : text
  if (IPV4.test(bare)) return bare
  return ipaddr.isValid(text) ? ipaddr.process(text).toString() : null
}
