import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { sha256 } from '../../kernel/canonical-json.ts'
import type { Clock, Instant } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import type { Sql } from '../../platform/database.ts'
import { keepDoing, type Round } from '../../platform/every.ts'
import type { Log } from '../../platform/log.ts'
import type { Emit, Outbox } from '../../platform/outbox.ts'
import type { StatementLine } from './bank-entry.ts'
import { awaitedBy, namedBy, namedByFile, notTold, returnableBy } from './expected-store.ts'
import {
  type Difference,
  type Found,
  type Match,
  matchByParty,
  matchByReference,
  matchReturns,
  missing,
  unexpected,
} from './matching.ts'
import {
  findReconciliation,
  insertReconciliation,
  keepFound,
  lockOldestRunning,
  moveOn,
  PASSES,
  type Pass,
  type Reconciliation,
} from './reconciliation-store.ts'
import { readStatement } from './statement.ts'
import {
  findByDigest,
  findByName,
  insertStatement,
  type LineRead,
  linesAfter,
  linesBy,
  linesOf,
} from './statement-store.ts'

export type ImportOutcome =
  | { readonly kind: 'imported'; readonly reconciliation: string }
  /** These very bytes were taken in before; nothing was changed. */
  | { readonly kind: 'repeated'; readonly reconciliation: string }
  | { readonly kind: 'unreadable'; readonly detail: string }
  /** The bank's name for it was on other bytes before. */
  | { readonly kind: 'name_taken'; readonly reconciliation: string }
  | { readonly kind: 'other_account'; readonly account: string }

export type ReconciliationRules = {
  /** Our account at the bank. */
  readonly account: string
  /** How many days a booking may be from when its payout was sent, where no reference says which it is. */
  readonly daysMax: number
  /** Who looks after a break until somebody else does. */
  readonly owner: string
}

/** Lines, and payouts, of a page; memory and locks are held for no more than that. */
const PAGE = 2_000
/** Lines that one reference or party may have; more than these are left to a person. */
const GROUP_MAX = 10_000
const LOOK_EVERY_MS = 500

export interface Reconciler {
  /** Keeps the statement, and matches it page by page until it is done. */
  import(raw: Uint8Array, by: string): Promise<ImportOutcome>
  /** Goes on with what a process left that ended meanwhile. */
  start(log: Log): Round
}

export function createReconciler(outbox: Outbox, clock: Clock, rules: ReconciliationRules): Reconciler {
  const advance = (): Promise<boolean> =>
    outbox.transaction(async (sql, emit) => {
      const running = await lockOldestRunning(sql)
      if (running === null) return false
      await nextPage(sql, emit, running, rules, clock.now())
      return true
    })

  return {
    async import(raw, by) {
      const digest = `sha256:${sha256(raw)}`
      const known = await outbox.transaction((sql) => findByDigest(sql, digest))
      if (known !== null) return { kind: 'repeated', reconciliation: known }
      const statement = await readStatement(raw)
      if (typeof statement === 'string') return { kind: 'unreadable', detail: statement }
      if (statement.account !== rules.account) return { kind: 'other_account', account: statement.account }
      const packed = await promisify(gzip)(raw)
      const now = clock.now()
      const reconciliation = await outbox.transaction(async (sql, emit) => {
        const imported = { id: newId('statement', now), digest, raw: packed, by, at: now }
        if (!(await insertStatement(sql, imported, statement))) return null
        const id = await insertReconciliation(sql, imported.id, now)
        const data = { statement: imported.id, reconciliation: id, digest, lines: statement.lines.length }
        emit({ type: 'statement.imported', subject: imported.id, members: [], data })
        return id
      })
      if (reconciliation === null) return outbox.transaction((sql) => earlier(sql, digest, statement))
      while (await isRunning(outbox, reconciliation)) {
        await advance()
        await nextTurn() // an embedded store leaves nobody else a turn
      }
      return { kind: 'imported', reconciliation }
    },

    start: (log) => keepDoing({ name: 'reconciliation', everyMs: LOOK_EVERY_MS, log, work: advance }),
  }
}

async function earlier(sql: Sql, digest: string, statement: Parameters<typeof findByName>[1]): Promise<ImportOutcome> {
  const same = await findByDigest(sql, digest)
  if (same !== null) return { kind: 'repeated', reconciliation: same }
  return { kind: 'name_taken', reconciliation: (await findByName(sql, statement)) ?? '' }
}

async function isRunning(outbox: Outbox, id: string): Promise<boolean> {
  const found = await outbox.transaction((sql) => findReconciliation(sql, id))
  return found !== null && found.finishedAt === null
}

type Page = {
  readonly matches: readonly Match[]
  readonly differences: readonly Difference[]
  /** Up to where the pass has come; null: to its end. */
  readonly after: string | null
}

async function nextPage(
  sql: Sql,
  emit: Emit,
  running: Reconciliation,
  rules: ReconciliationRules,
  now: Instant,
): Promise<void> {
  const page = await PASS[running.pass](sql, running, rules)
  await keepFound(sql, running, page, rules.owner, now)
  const next =
    page.after === null ? { pass: following(running.pass), after: '' } : { pass: running.pass, after: page.after }
  await moveOn(sql, running, next, now)
  if (next.pass !== 'done') return
  const done = await findReconciliation(sql, running.id)
  if (done === null) return
  const data = { reconciliation: done.id, statement: done.statement, lines: done.lines, payouts: done.payouts }
  emit({ type: 'reconciliation.finished', subject: done.id, members: [], data })
}

function following(pass: Pass): Pass {
  return PASSES[PASSES.indexOf(pass) + 1] ?? 'done'
}

const PASS: Readonly<Record<Pass, (sql: Sql, running: Reconciliation, rules: ReconciliationRules) => Promise<Page>>> = {
  async reference(sql, running) {
    const { groups, after } = await groupsBy(sql, 'reference', running, isDebit)
    const named = await namedBy(sql, running.currency, [...groups.keys()])
    return together(
      after,
      [...groups].map(([key, lines]) => matchByReference(lines, named.get(key) ?? { kind: 'unknown' })),
    )
  },

  async file(sql, running) {
    const { groups, after } = await groupsBy(sql, 'reference', running, isDebit)
    const named = await namedByFile(sql, running.currency, [...groups.keys()])
    return together(
      after,
      [...groups].map(([key, lines]) => matchByReference(lines, named.get(key) ?? { kind: 'unknown' })),
    )
  },

  async party(sql, running, { daysMax }) {
    const { groups, after } = await groupsBy(sql, 'party', running, isDebit)
    const awaited = await awaitedBy(sql, running.currency, [...groups.keys()])
    return together(
      after,
      [...groups].map(([key, lines]) => matchByParty(lines, awaited.get(key) ?? [], daysMax)),
    )
  },

  async return(sql, running) {
    const { groups, after } = await groupsBy(sql, 'reference', running, isReturn)
    const out = await returnableBy(sql, running.currency, [...groups.keys()])
    return together(
      after,
      [...groups].map(([key, lines]) => matchReturns(lines, out.get(key) ?? [])),
    )
  },

  async rest(sql, running) {
    const lines = await linesAfter(sql, running.statement, BigInt(running.after || 0), PAGE)
    const after = lines.length < PAGE ? null : String(lines.at(-1)?.number ?? 0)
    return { matches: [], differences: lines.filter(({ isDone }) => !isDone).map(unexpected), after }
  },

  async missing(sql, running) {
    const { payouts, next } = await notTold(sql, running, running.after, PAGE)
    return { matches: [], differences: payouts.map(missing), after: next }
  },

  done: async () => ({ matches: [], differences: [], after: null }),
}

function together(after: string | null, found: readonly Found[]): Page {
  return {
    after,
    matches: found.flatMap(({ matches }) => matches),
    differences: found.flatMap((one) => one.differences),
  }
}

type Groups = ReadonlyMap<string, readonly StatementLine[]>

/** A page of whole groups: all lines that have one reference, or one party, are looked at together. */
async function groupsBy(
  sql: Sql,
  key: 'reference' | 'party',
  { statement, after }: Reconciliation,
  isWanted: (line: StatementLine) => boolean,
): Promise<{ readonly groups: Groups; readonly after: string | null }> {
  const lines = await linesBy(sql, key, statement, after, PAGE + 1)
  if (lines.length <= PAGE) return { groups: openBy(key, lines, isWanted), after: null }
  const last = lines.at(-1)?.[key] ?? ''
  const before = lines.filter((line) => line[key] !== last) // the last group may go on beyond the page
  const whole = before.at(-1)?.[key]
  if (whole !== undefined) return { groups: openBy(key, before, isWanted), after: whole ?? '' }
  return { groups: openBy(key, await linesOf(sql, key, statement, last, GROUP_MAX), isWanted), after: last }
}

/** What no match and no break has yet. */
function openBy(
  key: 'reference' | 'party',
  lines: readonly LineRead[],
  isWanted: (line: StatementLine) => boolean,
): Groups {
  return Map.groupBy(
    lines.filter((line) => !line.isDone && isWanted(line)),
    (line) => line[key] ?? '',
  )
}

const isDebit = ({ direction }: StatementLine): boolean => direction === 'debit'
const isReturn = ({ direction, returned }: StatementLine): boolean => direction === 'credit' && returned
