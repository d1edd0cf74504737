import { parseAddress } from './cidr.ts'
import { addressOf, type CidrMap, ownersOf } from './cidr-map.ts'

export const LIST_KINDS = ['cidrs', 'strings', 'countries'] as const
export type ListKind = (typeof LIST_KINDS)[number]

/** What is in all lists, as plain values that another thread can be sent. */
export type ListContents = {
  readonly lists: readonly {
    readonly name: string
    readonly kind: ListKind
    /** The entries; empty for address ranges. */
    readonly texts: ReadonlySet<string>
  }[]
  /** The address ranges of all lists; an owner is a list's place in `lists`. */
  readonly addresses: CidrMap
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

/** The lists, made around their contents. */
export function listsFrom({ lists, addresses }: ListContents): Lists {
  return new Map(
    lists.map(({ name, kind, texts }, owner): [string, List] => {
      const has = (text: string) => (kind === 'cidrs' ? ownersOf(addresses, text).includes(owner) : texts.has(text))
      const sample = () => (kind === 'cidrs' ? addressOf(addresses, owner) : (texts.values().next().value ?? null))
      return [name, { kind, has, sample }]
    }),
  )
}

/** The names of the lists that have the text. */
export function listsWith(lists: Lists, text: string): readonly string[] {
  const isAddress = parseAddress(text) !== null
  return [...lists].filter(([, list]) => (list.kind !== 'cidrs' || isAddress) && list.has(text)).map(([name]) => name)
}
