import type { ChainFacts } from '../decide/chain.ts'
import type { PrincipalKind } from '../facts.ts'
import { parseAddress } from '../lists/cidr.ts'
import type { List, Lists } from '../lists/lists.ts'

/** One change to the facts of a request, in the words of whoever would make it. */
export type Edit = {
  /** `with the scope transfers:write` */
  readonly text: string
  apply(facts: ChainFacts): ChainFacts
}

type Principal = NonNullable<ChainFacts['principal']>
type Source = ChainFacts['source']

/** A token with these scopes beside its own. Its claims say the same (RFC 8693, section 4.2), for conditions on them. */
export function withScopes(scopes: readonly string[]): Edit {
  return onPrincipal(`with the scope ${scopes.join(' ')}`, ({ principal, claims }) => {
    const all = [...new Set([...principal.scopes, ...scopes])]
    return { principal: { ...principal, scopes: all }, claims: { ...claims, scope: all.join(' ') } }
  })
}

export function withRole(role: string): Edit {
  return onPrincipal(`with the role ${role}`, ({ principal, claims }) => {
    const roles = [...principal.roles, role]
    return { principal: { ...principal, roles }, claims: { ...claims, roles } }
  })
}

export function asKind(kind: PrincipalKind): Edit {
  return onPrincipal(
    kind === 'anonymous' ? 'without a token' : `as ${kind === 'operator' ? 'an' : 'a'} ${kind}`,
    (it) => {
      const { principal, claims } = it
      const member = kind === 'member' ? principal.member || 'mem_any' : ''
      return { principal: { ...principal, kind, member }, claims }
    },
  )
}

/** A token of a stronger sign-in. */
export function withAcr(acr: string): Edit {
  return onPrincipal(`with a sign-in of ${acr}`, ({ principal, claims }) => ({ principal, claims: { ...claims, acr } }))
}

/** A token of a sign-in just now. */
export const FRESHLY_SIGNED_IN: Edit = {
  text: 'after signing in anew',
  apply: (facts) => ({ ...facts, claims: { ...facts.claims, auth_time: Math.floor(facts.now / 1000) } }),
}

/** The same request from an address, or a country, in one of these lists; null when there is nothing in them. */
export function fromListed(lists: Lists, names: readonly string[]): Edit | null {
  for (const name of names) {
    const list = lists.get(name)
    const sample = list === undefined ? null : sampleOf(list)
    if (list === undefined || sample === null || list.kind === 'strings') continue
    const from = list.kind === 'countries' ? { country: sample } : { ip: sample }
    return { text: `from ${placeIn(list)} in ${name}`, apply: (facts) => fromSource(facts, from) }
  }
  return null
}

/** Looked for once: in a list of a million it takes milliseconds, and refused callers wait for it. */
const samples = new WeakMap<List, { readonly sample: string | null }>()

function sampleOf(list: List): string | null {
  const known = samples.get(list) ?? { sample: list.sample() }
  samples.set(list, known)
  return known.sample
}

/** Addresses that nobody has (RFC 5737, RFC 3849), one that everybody has (RFC 1918), and no country. */
const ELSEWHERE: readonly Partial<Source>[] = [
  { ip: '192.0.2.1' },
  { ip: '198.51.100.1' },
  { ip: '203.0.113.1' },
  { ip: '10.0.0.1' },
  { ip: '2001:db8::1' },
  { country: 'ZZ' },
]

/** The same request from a place that is in none of these lists; null when there is none among those we try. */
export function fromElsewhere(lists: Lists, names: readonly string[], source: Source): Edit | null {
  const outside = ELSEWHERE.find((place) => !names.some((name) => isFrom(lists, name, { ...source, ...place })))
  if (outside === undefined) return null
  return { text: `from outside ${names.join(', ')}`, apply: (facts) => fromSource(facts, outside) }
}

/** Whether a list that a rule matches on has the source. */
export function isFrom(lists: Lists, name: string, { ip, country }: Source): boolean {
  const list = lists.get(name)
  if (list === undefined || list.kind === 'strings') return false
  return list.kind === 'countries' ? list.has(country) : parseAddress(ip) !== null && list.has(ip)
}

function placeIn({ kind }: List): string {
  return kind === 'countries' ? 'a country' : 'an address'
}

function fromSource(facts: ChainFacts, place: Partial<Source>): ChainFacts {
  return { ...facts, source: { ...facts.source, ...place } }
}

function onPrincipal(
  text: string,
  change: (known: { principal: Principal; claims: ChainFacts['claims'] }) => Pick<ChainFacts, 'principal' | 'claims'>,
): Edit {
  return {
    text,
    apply(facts) {
      const { principal, claims } = facts
      return principal === null ? facts : { ...facts, ...change({ principal, claims }) }
    },
  }
}
