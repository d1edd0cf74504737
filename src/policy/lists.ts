import { type Cidr, type CidrSet, cidrSet, isAddress, parseCidr } from './cidr-set.ts'
import type { Finding } from './finding.ts'
import type { PolicyFile } from './schema.ts'
import type { Source } from './source.ts'

/** A named list: of address ranges or of texts. */
export type List =
  | { readonly kind: 'cidrs'; readonly addresses: CidrSet }
  | { readonly kind: 'strings'; readonly strings: ReadonlySet<string> }

export type Lists = ReadonlyMap<string, List>

/** Compiles the lists of all files; a name stands for one list. */
export function compileLists(files: readonly { readonly source: Source; readonly file: PolicyFile<'lists'> }[]) {
  const lists = new Map<string, List>()
  const findings: Finding[] = []
  for (const { source, file } of files) {
    for (const [index, { name, cidrs, strings }] of file.lists.entries()) {
      const path = ['lists', index]
      if (lists.has(name))
        findings.push(source.finding([...path, 'name'], 'duplicate-id', `the list '${name}' stands twice`))
      if ((cidrs === undefined) === (strings === undefined)) {
        findings.push(source.finding(path, 'shape', 'a list has either `cidrs` or `strings`'))
        continue
      }
      if (strings !== undefined) {
        lists.set(name, { kind: 'strings', strings: new Set(strings) })
        continue
      }
      const ranges: Cidr[] = []
      for (const [entry, text] of (cidrs ?? []).entries()) {
        const range = parseCidr(text)
        if (typeof range !== 'string') ranges.push(range)
        else
          findings.push(
            source.finding([...path, 'cidrs', entry], 'bad-cidr', range, { hint: 'such as 203.0.113.0/24' }),
          )
      }
      lists.set(name, { kind: 'cidrs', addresses: cidrSet(ranges) })
    }
  }
  return { lists: lists as Lists, findings }
}

/** The lists of files that were checked. */
export function listsOf(written: readonly PolicyFile<'lists'>['lists'][number][]): Lists {
  return new Map(
    written.map(({ name, cidrs, strings }): [string, List] => {
      if (strings !== undefined) return [name, { kind: 'strings', strings: new Set(strings) }]
      const ranges = (cidrs ?? []).map(parseCidr).filter((range) => typeof range !== 'string')
      return [name, { kind: 'cidrs', addresses: cidrSet(ranges) }]
    }),
  )
}

/** Whether the list has the text; in a list of address ranges the text is an address. @throws RangeError when it is not */
export function isListed(list: List, text: string): boolean {
  return list.kind === 'cidrs' ? list.addresses.has(text) : list.strings.has(text)
}

/** The names of the lists that have the text. */
export function listsWith(lists: Lists, text: string): readonly string[] {
  const comparable = [...lists].filter(([, list]) => list.kind === 'strings' || isAddress(text))
  return comparable.filter(([, list]) => isListed(list, text)).map(([name]) => name)
}
