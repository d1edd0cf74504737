import type { Clock, Instant } from '../kernel/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Bundle } from '../policy/index.ts'
import type { CheckAsk, PolicySource } from './policy-checker.ts'
import type { Compiled } from './policy-compiler.ts'
import type { Edition, HistoryEntry, PolicyHistory } from './policy-history.ts'
import type { Content } from './policy-pieces.ts'
import type { Serving } from './policy-serving.ts'

/** Policies that can't be served. The message holds every finding, a line each. */
class PolicyError extends Error {
  override readonly name = 'PolicyError'
}

export type Rollback =
  /** `isKept`: it is written down, so that it outlives a restart. */
  | { readonly kind: 'serving'; readonly isKept: boolean }
  | { readonly kind: 'unknown' }
  /** Routes or the language have changed since. */
  | { readonly kind: 'refused'; readonly reason: string }

export type UpkeepDeps = {
  readonly source: PolicySource
  readonly history: Pick<PolicyHistory, 'list'>
  compile(ask: Pick<CheckAsk, 'source'> & Partial<CheckAsk>): Promise<Compiled>
  current(): Serving
  begin(next: Serving, why: HistoryEntry['why'], by?: string): Promise<boolean>
  compileAt(content: Content, now: Instant): Promise<Bundle>
  readonly clock: Clock
  readonly log: Log
}

/** What keeps the bundle in force the one that should be. Its steps are taken one at a time. */
export function createPolicyUpkeep(deps: UpkeepDeps) {
  const { source, history, compile, current, begin, clock, log } = deps
  /** What the source held when it was last read. */
  let newest: Edition | null = null
  /** Why what is in force may not be what should be, though nothing is wrong with the newest edition. */
  let trouble: string | null = null

  async function take(found: Extract<Compiled, { readonly edition: string }>, why: HistoryEntry['why']): Promise<void> {
    const { edition } = found
    if (found.kind === 'refused') {
      const rejected = found.errors[0] ?? 'the policies do not compile'
      newest = { edition, bundle: null, rejected }
      log.error({ rejected, errors: found.errors.length }, 'policies: the newest edit is broken and not in force')
      return
    }
    const { bundle, content, notKept } = found
    newest = { edition, bundle: bundle.digest, rejected: null }
    if (notKept !== null) log.error({ bundle: bundle.digest, notKept }, 'policies: in force, but not kept')
    await begin({ bundle, content, source: source.from, aside: null }, why)
  }

  /** The same content, but what has lapsed: checked before, so that nothing can be wrong with it now but our own code. */
  async function leaveOutLapsed(): Promise<void> {
    const serving = current()
    const { validUntil } = serving.bundle
    const now = clock.now()
    if (validUntil === null || now < validUntil) return
    await begin({ ...serving, bundle: await deps.compileAt(serving.content, now) }, 'expiry')
  }

  return {
    rejected: (): string | null => trouble ?? newest?.rejected ?? null,

    /** Serves what the source holds, or else the last good bundle. @throws PolicyError when there is neither */
    async start(): Promise<void> {
      const [last] = history.list()
      const found = await compile({ source, unless: last?.aside?.edition ?? null, before: last?.digest ?? null })
      if (found.kind === 'unreadable') trouble = found.reason
      else if (found.kind === 'unchanged') newest = last?.aside ?? null
      else await take(found, 'start')
      if (found.kind === 'compiled') return
      const faults = found.kind === 'refused' ? found.errors : [trouble ?? 'a rollback is in force']
      if (last === undefined) throw new PolicyError(faults.join('\n'))
      const kept = await compile({ source: { from: 'history', digest: last.digest } })
      if (kept.kind !== 'compiled') {
        throw new PolicyError([...faults, `the last good bundle can not serve: ${faultOf(kept)}`].join('\n'))
      }
      const { bundle, content } = kept
      const isRolledBack = found.kind === 'unchanged'
      log.error({ bundle: last.digest, isRolledBack, reason: faults[0] }, 'policies: not the newest edit is in force')
      await begin(
        isRolledBack
          ? { bundle, content, source: 'rollback', aside: last.aside }
          : { bundle, content, source: 'history', aside: null },
        'start',
      )
    },

    /** What has lapsed goes first: nothing that is wrong with the source, or slow, keeps it in force. */
    async look(): Promise<void> {
      // Should that fail, an edit may be what mends it.
      const stuck = await leaveOutLapsed().then(() => null, String)
      const found = await compile({ source, unless: newest?.edition ?? null, before: current().bundle.digest })
      if (found.kind !== 'unchanged' && found.kind !== 'unreadable') {
        await take(found, source.from === 'pull' ? 'pull' : 'edit')
      }
      const unread = found.kind === 'unreadable' ? found.reason : null
      const fault = stuck === null ? unread : `what has lapsed could not be left out: ${stuck}`
      if (fault !== null && fault !== trouble) {
        log.error({ fault, serving: current().bundle.digest }, 'policies: what is in force may not be the newest')
      }
      trouble = fault
    },

    /** An operator's explicit act: not held against what serves now. */
    async rollback(digest: string, by: string): Promise<Rollback> {
      const found = await compile({ source: { from: 'history', digest } })
      if (found.kind === 'refused') return { kind: 'refused', reason: faultOf(found) }
      if (found.kind !== 'compiled') return { kind: 'unknown' }
      const { bundle, content } = found
      const isNewest = newest?.bundle === digest // forward again: nothing is set aside
      const next: Serving = isNewest
        ? { bundle, content, source: source.from, aside: null }
        : { bundle, content, source: 'rollback', aside: newest }
      return { kind: 'serving', isKept: await begin(next, 'rollback', by) }
    },
  }
}

function faultOf(found: Exclude<Compiled, { kind: 'compiled' }>): string {
  if (found.kind === 'refused') return found.errors[0] ?? 'it does not compile'
  return found.kind === 'unreadable' ? found.reason : 'it is not there'
}
