import { fromRfc3339, type Instant } from '../../kernel/clock.ts'
import { didYouMean } from '../language/did-you-mean.ts'
import type { Finding } from '../language/finding.ts'
import type { PolicyFile } from '../language/schema.ts'
import type { FindingExtras, Path, Source, SourceFile } from '../language/source.ts'
import { isSoon } from '../rules/expiry.ts'
import { parseCidr } from './cidr.ts'
import { cidrMapBuilder } from './cidr-map.ts'
import { findCountryFault } from './country.ts'
import { type Fault, readListFile } from './list-file.ts'
import { LIST_KINDS, type ListContents, type ListKind, type ListPart } from './lists.ts'

const LIST_ENTRIES_MAX = 1_000_000

type Written = PolicyFile<'lists'>['lists'][number]

/** A list as a check of the rules that use it sees it. */
export type ListSummary = {
  readonly name: string
  readonly kind: ListKind
  /** How many entries it has, those that have lapsed not counted. */
  readonly count: number
  readonly lapsed: number
  /** Nothing is wrong with it. */
  readonly isRead: boolean
  /** An entry that nobody answers for, or that never lapses: what a rule that lets pass must not lean on. */
  readonly lasting: Path | null
  /** Takes down what is wrong at a place inside the list. */
  finding(path: Path, code: string, message: string, extras?: FindingExtras): Finding
}

/** Reads the lists of all files, and the files of entries that they name; a name stands for one list. */
export function readLists(
  files: readonly { readonly source: Source; readonly file: PolicyFile<'lists'> }[],
  entryFiles: readonly SourceFile[],
  now: Instant,
) {
  const addresses = cidrMapBuilder()
  const parts: ListPart[] = []
  const summaries = new Map<string, ListSummary>()
  const seen = { findings: [] as Finding[], named: new Set<SourceFile>() }
  for (const { source, file } of files) {
    for (const [index, written] of file.lists.entries()) {
      const finding: ListSummary['finding'] = (path, code, message, extras) =>
        source.finding(['lists', index, ...path], code, message, extras)
      const [kind, ...others] = LIST_KINDS.filter((it) => written[it] !== undefined)
      if (kind === undefined || others.length > 0) {
        seen.findings.push(finding([], 'shape', 'a list has one of `cidrs`, `strings` and `countries`'))
        continue
      }
      const { name } = written
      const before = errorsIn(seen.findings)
      if (summaries.has(name)) seen.findings.push(finding(['name'], 'duplicate-id', `the list '${name}' stands twice`))
      const partUntil = partsOf({ list: name, kind }, parts)
      const taker = (until: Instant | null): Take => {
        const { texts, owner } = partUntil(until)
        return adders(texts, (cidr) => addresses.add(cidr, owner))[kind]
      }
      const folder = source.file.replace(/[^/]*$/, '')
      const entries = readEntries(written, kind, taker, { ...seen, folder, entryFiles, now, finding })
      summaries.set(name, { name, kind, ...entries, isRead: errorsIn(seen.findings) === before, finding })
    }
  }
  const contents: ListContents = { parts, addresses: addresses.build() }
  return { contents, summaries: summaries as ReadonlyMap<string, ListSummary>, ...seen }
}

function errorsIn(findings: readonly Finding[]): number {
  return findings.filter(({ severity }) => severity === 'error').length
}

/** The parts of one list among those of all: one for each time at which entries lapse, and one, always, for the others. */
function partsOf(list: Pick<ListPart, 'list' | 'kind'>, parts: ListPart[]) {
  const made = new Map<Instant | null, { readonly texts: Set<string>; readonly owner: number }>()
  const partUntil = (until: Instant | null) => {
    const found = made.get(until)
    if (found !== undefined) return found
    const part = { texts: new Set<string>(), owner: parts.length }
    parts.push({ ...list, until, texts: part.texts })
    made.set(until, part)
    return part
  }
  partUntil(null)
  return partUntil
}

/** Takes an entry, and says what is wrong with it. */
type Take = (text: string) => Fault | null

/** What takes an entry of each kind, and says what is wrong with it. */
function adders(texts: Set<string>, addCidr: (cidr: Exclude<ReturnType<typeof parseCidr>, string>) => void) {
  const take = (text: string): null => {
    texts.add(text)
    return null
  }
  return {
    strings: take,
    countries: (text) => findCountryFault(text) ?? take(text),
    cidrs(text) {
      const cidr = parseCidr(text)
      if (typeof cidr === 'string') return { code: 'bad-cidr', message: cidr, hint: 'such as 203.0.113.0/24' }
      addCidr(cidr)
      return null
    },
  } satisfies Record<ListKind, Take>
}

type Reading = {
  /** Where the file of the list is, with a last `/`. */
  readonly folder: string
  readonly entryFiles: readonly SourceFile[]
  readonly now: Instant
  readonly finding: ListSummary['finding']
  readonly findings: Finding[]
  /** The files of entries that were named. */
  readonly named: Set<SourceFile>
}

/** Reads what is in a list. Entries that have lapsed are left out. */
function readEntries(written: Written, kind: ListKind, taker: (until: Instant | null) => Take, reading: Reading) {
  const { findings, finding } = reading
  let count = 0
  let lapsed = 0
  let lasting: Path | null = null
  const counting =
    (take: Take): Take =>
    (text) => {
      count += 1
      return count <= LIST_ENTRIES_MAX ? take(text) : TOO_LARGE
    }
  // Told of once, however many entries have no date of their own.
  const ofList =
    written.expires === undefined ? null : endOf(written.expires, ['expires'], 'what has no date of its own', reading)
  for (const [index, entry] of (written[kind] ?? []).entries()) {
    const path = [kind, index]
    const { is, file, owner = written.owner, expires } = typeof entry === 'string' ? { is: entry } : entry
    if ((is === undefined) === (file === undefined)) {
      findings.push(finding(path, 'shape', 'an entry has either `is` or `file`'))
      continue
    }
    const source = file === undefined ? null : findFile(file, [...path, 'file'], reading)
    const until = expires === undefined ? ofList : endOf(expires, path, `'${is ?? file}'`, reading)
    if (until === 'lapsed') {
      lapsed += 1
      continue
    }
    const take = counting(taker(until))
    if ((expires ?? written.expires) === undefined || owner === undefined) lasting ??= path
    if (is !== undefined) {
      const fault = take(is)
      const place = typeof entry === 'string' ? path : [...path, 'is']
      if (fault !== null) findings.push(finding(place, fault.code, fault.message, fault))
    }
    if (source !== null) findings.push(...readListFile(source, take))
  }
  return { count, lapsed, lasting }
}

const TOO_LARGE = { code: 'too-large', message: `the list has more than ${LIST_ENTRIES_MAX} entries` }

/** When an entry lapses; null when its date is none, which is reported. */
function endOf(expires: string, path: Path, what: string, { now, finding, findings }: Reading) {
  const until = fromRfc3339(expires)
  if (until === null) {
    const hint = 'such as 2030-12-31T00:00:00Z'
    findings.push(finding(path, 'bad-date', `'${expires}' is not an RFC 3339 time`, { hint }))
  } else if (until <= now) {
    const message = `${what} has lapsed and is no longer in the list`
    findings.push(finding(path, 'expired', message, { severity: 'warning' }))
    return 'lapsed'
  } else if (isSoon(until, now)) {
    findings.push(finding(path, 'expires-soon', `${what} leaves the list at ${expires}`, { severity: 'warning' }))
  }
  return until
}

function findFile(name: string, path: Path, { folder, entryFiles, finding, findings, named }: Reading) {
  const file = entryFiles.find((candidate) => candidate.path === `${folder}${name}`)
  if (file === undefined) {
    const known = entryFiles.map((candidate) => candidate.path)
    const hint = didYouMean(`${folder}${name}`, known)
    findings.push(finding(path, 'unknown-file', `there is no file ${folder}${name}`, hint))
    return null
  }
  named.add(file)
  return file
}
