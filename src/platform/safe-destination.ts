import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import ipaddr from 'ipaddr.js'
import { Agent } from 'undici'

/** Addresses outside may be called; loopback only where an operator says so, everything else special never. */
function isAllowedAddress(address: string, allowLoopback: boolean): boolean {
  if (!ipaddr.isValid(address)) return false
  const range = ipaddr.process(address).range() // ::ffff:10.0.0.1 counts as 10.0.0.1
  return range === 'unicast' || (range === 'loopback' && allowLoopback)
}

type Resolved = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

/**
 * A dispatcher that connects to allowed addresses only. The check sits where the socket is opened, on the very address that
 * is used, so that neither a redirect (not followed), nor an IP in the URL, nor DNS that changes its mind gets past it.
 */
export function safeDispatcher(allowLoopback: boolean, timeoutMs: number): Agent {
  const lookup = (host: string, options: LookupOptions, done: Resolved): void => {
    dnsLookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, [])
      const allowed = addresses.filter(({ address }) => isAllowedAddress(address, allowLoopback))
      const [first] = allowed
      if (first === undefined) return done(new Error(`${host} is not a destination that may be called`), [])
      if (options.all) done(null, allowed)
      else done(null, first.address, first.family)
    })
  }
  return new Agent({
    connect: { lookup, timeout: timeoutMs },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  })
}

/** A literal IP in a URL is never looked up, so it is checked here. @returns why the URL may not be called, or null */
export function destinationFault(url: string, allowLoopback: boolean): string | null {
  if (!URL.canParse(url)) return 'is not a URL'
  const { protocol, hostname, username, password } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  if (username !== '' || password !== '') return 'carries a credential'
  if (ipaddr.isValid(host) && !isAllowedAddress(host, allowLoopback)) return 'names an address that may not be called'
  const loopback =
    allowLoopback && (host === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback'))
  return protocol === 'https:' || (protocol === 'http:' && loopback) ? null : 'is not https'
}
