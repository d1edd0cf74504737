import type { AccessFacts, RequestFacts, RiskFacts } from '../facts.ts'
import { ownersOf } from '../lists/cidr-map.ts'
import type { ListContents } from '../lists/lists.ts'
import { amountBands } from './amount-bands.ts'
import { type Match, readBand } from './match.ts'
import { pathTrie } from './path-trie.ts'

export type Key = string | number

/**
 * One thing that `match` selects by, said in keys: a rule can match facts only if they share one. What shares a key need
 * not match; that is for the rule's predicates.
 */
export type Dimension<Facts> = {
  /** The keys of a rule; null when it does not select by this. */
  ofRule(match: Match): readonly Key[] | null
  /** The keys of facts; null when they can not be told, and every rule is to be looked at. */
  ofFacts(facts: Facts, tags: readonly string[]): readonly Key[] | null
}

/** The dimensions of one kind's rules. What takes long with many of them pauses, so that requests can go first. */
export type Dimensions<Facts> = (
  matches: readonly Match[],
  lists: ListContents,
) => Generator<void, readonly Dimension<Facts>[], void>

export const requestDimensions: Dimensions<RequestFacts> = function* (matches, lists) {
  const patterns = yield* pathTrie(matches.flatMap(({ paths }) => paths ?? []))
  return [
    { ofRule: ({ paths }) => paths ?? null, ofFacts: ({ request }) => patterns.matching(request.path) },
    { ofRule: ({ routes }) => routes ?? null, ofFacts: ({ route }) => [route.id] },
    { ofRule: ({ tags }) => tags ?? null, ofFacts: ({ route }) => route.tags },
    { ofRule: ({ methods }) => methods ?? null, ofFacts: ({ request }) => [request.method] },
    listDimension(lists),
    taggedDimension,
  ]
}

export const accessDimensions: Dimensions<AccessFacts> = function* (matches, lists) {
  return [
    ...(yield* requestDimensions(matches, lists)),
    scopeDimension(matches),
    { ofRule: ({ kinds }) => kinds ?? null, ofFacts: ({ principal }) => [principal.kind] },
    { ofRule: ({ roles }) => roles ?? null, ofFacts: ({ principal }) => principal.roles },
  ]
}

export const riskDimensions: Dimensions<RiskFacts> = function* (matches, lists) {
  const bands = amountBands(matches.flatMap(({ amount }) => (amount === undefined ? [] : [readBand(amount)])))
  return [
    {
      ofRule: ({ amount }) => (amount === undefined ? null : bands.ofBand(readBand(amount))),
      ofFacts: ({ transfer }) => bands.ofAmount(transfer.amount),
    },
    listDimension(lists),
    taggedDimension,
  ]
}

const taggedDimension: Dimension<unknown> = {
  ofRule: ({ tagged }) => tagged ?? null,
  ofFacts: (_facts, tags) => tags,
}

/** A rule asks for all of its scopes, so any one of them will do: the one that fewest rules ask for. */
function scopeDimension(matches: readonly Match[]): Dimension<AccessFacts> {
  const uses = new Map<string, number>()
  for (const scope of matches.flatMap(({ scopes }) => scopes ?? [])) uses.set(scope, (uses.get(scope) ?? 0) + 1)
  return {
    ofRule: ({ scopes }) => scopes?.toSorted((a, b) => (uses.get(a) ?? 0) - (uses.get(b) ?? 0)).slice(0, 1) ?? null,
    ofFacts: ({ principal }) => principal.scopes,
  }
}

/** A list's key is its name. One that had the source until lately is found too. */
function listDimension({ parts, addresses }: ListContents): Dimension<Pick<RequestFacts, 'source'>> {
  const byCountry = new Map<string, string[]>()
  for (const { list, kind, texts } of parts) {
    if (kind !== 'countries') continue
    for (const country of texts) byCountry.set(country, [...(byCountry.get(country) ?? []), list])
  }
  return {
    ofRule: ({ lists: named }) => named ?? null,
    ofFacts({ source }) {
      try {
        const ranges = ownersOf(addresses, source.ip).flatMap((owner) => parts[owner]?.list ?? [])
        return [...ranges, ...(byCountry.get(source.country) ?? [])]
      } catch {
        return null // not an address: the rules say themselves what comes of that
      }
    },
  }
}
