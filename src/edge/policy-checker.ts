import { setTimeout as sleep } from 'node:timers/promises'
import type { Instant } from '../kernel/clock.ts'
import {
  assembleAtOnce,
  type Bundle,
  type Checked,
  type CheckedRule,
  type CompileOptions,
  checkFiles,
  compileBundle,
  formatFinding,
  rulesetsOutside,
  type SourceFile,
} from '../policy/index.ts'
import type { PolicyArchive } from './policy-archive.ts'
import { editionOf, markFolder, readPolicies } from './policy-folder.ts'

/** Where an edge takes its policies from. */
export type PolicySource =
  | { readonly from: 'folder'; readonly folder: string }
  /** Another edge's operator API. The file holds the token that it asks for. */
  | { readonly from: 'pull'; readonly url: string; readonly tokenFile: string }

export type CheckAsk = {
  readonly source: PolicySource | { readonly from: 'history'; readonly digest: string }
  /** The edition that is known already. An edition names what a source holds, to the letter; null asks for any. */
  readonly unless: string | null
  readonly now: Instant
  /** The digest of what is in force, so that an edit that loosens it is told; null compares with nothing. */
  readonly before: string | null
}

export type CheckAnswer =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** `errors`: a line each, the first 100. */
  | { readonly kind: 'refused'; readonly edition: string; readonly errors: readonly string[] }
  | {
      readonly kind: 'checked'
      readonly edition: string
      readonly checked: Checked
      readonly rules: readonly CheckedRule[]
      readonly warnings: number
      /** Why the files could not be kept in the history; null when they are. */
      readonly notKept: string | null
    }

export interface PolicyChecker {
  /** Reads and checks what the source holds. `onRead` is told its edition before the check begins. */
  check(ask: CheckAsk, onRead: (edition: string) => void): Promise<CheckAnswer>
}

const ERRORS_TOLD_MAX = 100
const KEEP_MS_MAX = 300
const SAVE_MS = 40
const SAVE_LOOKS_MAX = 5

/** What stays the same for as long as the process runs. */
export type CheckOptions = Omit<CompileOptions, 'before'>

/** Does all of an edit that takes long: reads files, YAML, schemas and rules, and keeps what is good in the history. */
export function createPolicyChecker(archive: PolicyArchive, options: CheckOptions): PolicyChecker {
  let looked = { mark: '', edition: '' }
  /** Where rulesets lie that are no part of the folder, as it was read last. */
  let outside: readonly string[] = []
  let last: Good | null = null
  /** The last one that was pulled whole and good. */
  let pulled = { edition: '', digest: '' }

  async function readFolder(folder: string, unless: string | null): Promise<Read> {
    const { mark, isSettled } = await waitForSave(folder)
    if (mark === looked.mark && looked.edition === unless) return null
    const files = await readPolicies(folder)
    outside = rulesetsOutside(files)
    const edition = editionOf(files)
    if (isSettled) looked = { mark, edition }
    return edition === unless ? null : { edition, files, claimed: null }
  }

  /** A save in several steps (a draft, a rename, a second file) is read when it has come to rest, or goes on for long. */
  async function waitForSave(folder: string): Promise<Awaited<ReturnType<typeof markFolder>>> {
    let { mark } = looked
    for (let looks = 1; ; looks++) {
      const now = await markFolder(folder, outside)
      if (now.mark === mark || looks === SAVE_LOOKS_MAX) return now
      mark = now.mark
      await sleep(SAVE_MS)
    }
  }

  /** Only what was found good is not asked for again: else one answer that was garbled would stand as long as its ETag. */
  async function readPulled(source: Extract<PolicySource, { from: 'pull' }>, unless: string | null): Promise<Read> {
    const { pullBundle } = await import('./policy-pull.ts') // with its HTTP client, which a folder needs not
    const found = await pullBundle(source, pulled.edition === unless ? pulled.digest : null)
    if (found === null) return null
    const edition = `${found.claimed} ${editionOf(found.files)}`
    return edition === unless ? null : { edition, ...found }
  }

  async function readKept(digest: string): Promise<Read> {
    const files = last?.digest === digest ? last.files : await archive.read(digest)
    if (files === null) throw new Error(`the bundle ${digest} is not kept`)
    return { edition: editionOf(files), files, claimed: digest }
  }

  /**
   * What is in force; null when it was checked in a thread that has ended, and is not kept either. It was checked against the
   * routes of its time: were it held against those of now, it might be nothing, and every edit of it a new rule.
   */
  async function inForce(digest: string, now: Instant): Promise<Bundle | null> {
    if (last?.digest === digest) {
      const { validUntil = null } = last.bundle ?? {}
      if (last.bundle === null || (validUntil !== null && validUntil <= now)) {
        last.bundle = assembleAtOnce({ ...last.checked, now }, last.rules)
      }
      return last.bundle
    }
    const files = await archive.read(digest).catch(() => null)
    return files === null ? null : compileBundle(files, now).bundle
  }

  function read({ source, unless }: CheckAsk): Promise<Read> {
    if (source.from === 'folder') return readFolder(source.folder, unless)
    return source.from === 'pull' ? readPulled(source, unless) : readKept(source.digest)
  }

  return {
    async check(ask, onRead) {
      const found = await read(ask).catch((error: unknown) => String(error instanceof Error ? error.message : error))
      if (found === null) return { kind: 'unchanged' }
      if (typeof found === 'string') return { kind: 'unreadable', reason: found }
      const { edition, files, claimed } = found
      onRead(edition)
      const before = ask.before === null ? null : await inForce(ask.before, ask.now)
      const { checked, rules, findings } = checkFiles(
        files,
        ask.now,
        before === null ? options : { ...options, before },
      )
      if (checked === null) {
        const errors = findings.filter(({ severity }) => severity === 'error')
        return { kind: 'refused', edition, errors: errors.slice(0, ERRORS_TOLD_MAX).map(formatFinding) }
      }
      if (claimed !== null && claimed !== checked.digest) {
        return { kind: 'refused', edition, errors: [`the files said to be ${claimed} are ${checked.digest}`] }
      }
      last = { digest: checked.digest, files, checked, rules, bundle: null }
      if (ask.source.from === 'pull') pulled = { edition, digest: checked.digest }
      const notKept = ask.source.from === 'history' ? null : await keep(archive, checked.digest, files)
      return { kind: 'checked', edition, checked, rules, warnings: findings.length, notKept }
    },
  }
}

/** The newest files in which nothing was wrong. */
type Good = {
  readonly digest: string
  readonly files: readonly SourceFile[]
  readonly checked: Checked
  readonly rules: readonly CheckedRule[]
  bundle: Bundle | null
}

/** What a source held; null when it was the known edition. `claimed`: the digest that the files are said to have. */
type Read = {
  readonly edition: string
  readonly files: readonly SourceFile[]
  readonly claimed: string | null
} | null

/** Before it serves, so that no decision was ever made by a bundle that nobody can read again; but not at any price. */
async function keep(archive: PolicyArchive, digest: string, files: readonly SourceFile[]): Promise<string | null> {
  const late = sleep(KEEP_MS_MAX, `the disk takes longer than ${KEEP_MS_MAX} ms`)
  const kept = archive.keep(digest, files).then(
    () => null,
    (error: unknown) => String(error),
  )
  return Promise.race([kept, late])
}
