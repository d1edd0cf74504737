import type { Instant } from '../../kernel/clock.ts'
import { parseAddress } from './cidr.ts'
import { addressOf, type CidrMap, ownersOf } from './cidr-map.ts'

export const LIST_KINDS = ['cidrs', 'strings', 'countries'] as const
export type ListKind = (typeof LIST_KINDS)[number]

/** What is in all lists, as plain values that another thread can be sent. */
export type ListContents = {
  readonly parts: readonly ListPart[]
  /** The address ranges of all lists; an owner is a part's place in `parts`. */
  readonly addresses: CidrMap
}

/** The entries of one list that lapse at the same time, so that they can be left out then without reading them again. */
export type ListPart = {
  readonly list: string
  readonly kind: ListKind
  /** Null for those that never lapse. */
  readonly until: Instant | null
  /** The entries; empty for address ranges. */
  readonly texts: ReadonlySet<string>
}

/** A named list: of address ranges, of texts or of countries. */
export type List = {
  readonly kind: ListKind
  /** Whether the list has the text, an address where it is of ranges. @throws RangeError when it is not an address */
  has(text: string): boolean
  /** Something that it has, to try a decision with; null when it is empty. Slow in a long list. */
  sample(): string | null
}

export type Lists = ReadonlyMap<string, List>

/** The lists as they are at a time, made around their contents. A list whose entries have all lapsed is empty. */
export function listsFrom({ parts, addresses }: ListContents, now: Instant): Lists {
  const owners = new Map<string, { readonly kind: ListKind; readonly live: Set<number> }>()
  for (const [owner, { list, kind, until }] of parts.entries()) {
    const found = owners.get(list) ?? { kind, live: new Set() }
    owners.set(list, found)
    if (until === null || until > now) found.live.add(owner)
  }
  return new Map(
    [...owners].map(([name, { kind, live }]): [string, List] => {
      if (kind === 'cidrs') {
        const has = (text: string) => ownersOf(addresses, text).some((owner) => live.has(owner))
        return [name, { kind, has, sample: () => firstOf(live, (owner) => addressOf(addresses, owner)) }]
      }
      const texts = fewSets([...live].flatMap((owner) => parts[owner]?.texts ?? []))
      const has = (text: string) => texts.some((some) => some.has(text))
      return [name, { kind, has, sample: () => firstOf(texts, (some) => some.values().next().value ?? null) }]
    }),
  )
}

/** Many small sets, such as of entries with a date each, become one; large ones are not copied. */
function fewSets(sets: readonly ReadonlySet<string>[]): readonly ReadonlySet<string>[] {
  const small = sets.filter(({ size }) => size <= COPIED_MAX)
  return [...sets.filter(({ size }) => size > COPIED_MAX), new Set(small.flatMap((set) => [...set]))]
}

const COPIED_MAX = 100

function firstOf<T>(items: Iterable<T>, find: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = find(item)
    if (found !== null) return found
  }
  return null
}

/** The names of the lists that have the text. */
export function listsWith(lists: Lists, text: string): readonly string[] {
  const isAddress = parseAddress(text) !== null
  return [...lists].filter(([, list]) => (list.kind !== 'cidrs' || isAddress) && list.has(text)).map(([name]) => name)
}
