import ipaddr from 'ipaddr.js'
import type { Listener } from '../platform/addresses.ts'
import type { Config } from '../platform/config-schema.ts'

/** What a configuration may not say under its security profile, and where it says it. */
export type ProfileFault = { readonly keys: readonly (string | number)[]; readonly message: string }

/** A client's clock may be ahead by this much at least. */
const AHEAD_S_MIN = 10

/**
 * What of a configuration `identity.security: fapi2` does not allow (FAPI 2.0 Security Profile, for resource servers). What it asks for
 * of each request stands where that is done: bound tokens in `tokens/sender.ts`, tokens in the header only in `stages/route.ts`.
 */
export function findProfileFaults({ identity, edge }: Config, listener: Listener): readonly ProfileFault[] {
  if (identity.security !== 'fapi2') return []
  const faults: ProfileFault[] = []
  for (const [index, { issuer, algorithms }] of identity.issuers.entries()) {
    if (!algorithms.includes('RS256')) continue
    const message = `fapi2: ${issuer} may not sign by RS256, but by PS256, ES256 or EdDSA`
    faults.push({ keys: ['identity', 'issuers', index, 'algorithms'], message })
  }
  if (identity.clock_skew_s < AHEAD_S_MIN) {
    const message = `fapi2: tokens of a clock that is ${AHEAD_S_MIN} s ahead are to be taken`
    faults.push({ keys: ['identity', 'clock_skew_s'], message })
  }
  if (isLoopback(listener.host)) return faults
  if (edge.tls === undefined) {
    faults.push({ keys: ['edge'], message: `fapi2: \`tls\` is needed to listen on ${listener.host}` })
  }
  // Else a proof made for another server would be good here, under that server's name in the Host header.
  if (edge.public_origins === undefined || edge.public_origins.some((origin) => !origin.startsWith('https://'))) {
    faults.push({ keys: ['edge'], message: 'fapi2: `public_origins` are needed, of https, for DPoP proofs to name' })
  }
  return faults
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback')
}
