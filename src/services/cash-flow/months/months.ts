import { canonicalJson } from '../../../kernel/canonical-json.ts'
import type { Clock } from '../../../kernel/clock.ts'
import { Problem } from '../../../kernel/problem.ts'
import type { Database } from '../../../platform/database.ts'
import type { Log } from '../../../platform/log.ts'
import { notFound } from '../errors.ts'
import {
  attachMonth,
  detachMonth,
  type Export,
  insertExport,
  isStaged,
  listDetached,
  listExports,
  listMonths,
  listStretch,
  listStretches,
  listToldEntries,
  type Stretch,
  stageEntries,
  stageMonth,
  whereIs,
} from '../store.ts'
import { isOver, type Month, monthOf } from './month.ts'
import { type Comparison, compareMonth } from './month-work.ts'

const PAGE = { records: 64, bytes: 1_000_000 }

/** What is being done to a month, or was last done, by this process. */
export type Work = {
  readonly kind: 'export' | 'detach' | 'attach'
  readonly month: string
  state: 'running' | 'done' | 'failed'
  entries: number
  detail: string | null
}

export type MonthView = {
  readonly month: string
  readonly state: 'current' | 'attached' | 'detached'
  readonly rows: number
  readonly exact: boolean
  readonly bytes: number
  readonly exported: Export | null
}

/** What an operator does with whole months of entries: write them out, take them off, put them back. */
export function createMonths({
  database: { transaction },
  clock,
  log,
}: {
  readonly database: Pick<Database, 'transaction'>
  readonly clock: Clock
  readonly log: Log
}) {
  const closing = new AbortController()
  let work: Work | null = null
  let running: Promise<void> | null = null

  /** One at a time, since each reads a whole month. `todo` answers with why it was not done, or null. */
  function begin(kind: Work['kind'], month: Month, todo: (mine: Work) => Promise<string | null>): Work {
    if (running !== null) throw conflict(`the ${work?.kind} of ${work?.month} is under way`)
    const mine: Work = { kind, month: month.name, state: 'running', entries: 0, detail: null }
    work = mine
    running = todo(mine)
      .then((detail) => Object.assign(mine, { state: detail === null ? 'done' : 'failed', detail }))
      .catch((err: unknown) => {
        Object.assign(mine, { state: 'failed', detail: 'it did not get to its end; the log of cash-flow says why' })
        if (!closing.signal.aborted) log.error({ err, month: month.name }, `the ${kind} of a month failed`)
      })
      .then(() => {
        running = null
      })
    return mine
  }

  const compare = (month: Month, where: 'attached' | 'staged', mine: Work): Promise<Comparison> =>
    compareMonth(transaction, month, where, {
      signal: closing.signal,
      onEntries: (entries) => {
        mine.entries = entries
      },
    })

  async function view(): Promise<readonly MonthView[]> {
    const [kept, detached, exports] = await transaction(
      async (sql) => [await listMonths(sql), await listDetached(sql), await listExports(sql)] as const,
    )
    const attached = kept.map(({ name: month, ...counted }): MonthView => {
      const state = isOver(required(month), clock.now()) ? 'attached' : 'current'
      return { month, state, ...counted, exported: exports.find((each) => each.month === month) ?? null }
    })
    const away = detached.map(({ name: month, digest }): MonthView => {
      const exported = exports.find((each) => each.month === month && each.digest === digest) ?? null
      return { month, state: 'detached', rows: exported?.entries ?? 0, exact: true, bytes: 0, exported }
    })
    return [...attached, ...away].sort((a, b) => (a.month < b.month ? -1 : 1))
  }

  /** @throws Problem `not_found` for no month that is kept, `conflict` for one in another state */
  async function monthIn(name: string, state: 'attached' | 'detached'): Promise<Month> {
    const month = monthOf(name)
    const found = month === null ? null : await transaction((sql) => whereIs(sql, month))
    if (month === null || found === null) throw notFound('month')
    if (!isOver(month, clock.now())) throw conflict(`${name} is not over, or was only minutes ago`)
    if (found !== state) throw conflict(`${name} is ${found}`)
    return month
  }

  return {
    view,

    /** The newest work of this process; null when there was none. */
    work: (): Work | null => work,

    /** Where the chains of a month begin and end. @throws Problem `not_found`, `conflict` */
    async chain(name: string): Promise<readonly Stretch[]> {
      const month = await monthIn(name, 'attached')
      return transaction((sql) => listStretches(sql, month))
    },

    /** Some records of a month after a number, each with its entries as they stand. @throws Problem as `chain` */
    async records(name: string, shard: number, after: number) {
      const month = await monthIn(name, 'attached')
      return transaction(async (sql) => {
        const stretch = (await listStretches(sql, month)).find((each) => each.shard === shard)
        if (stretch === undefined) throw notFound('shard in this month')
        const range = { after: Math.max(after, stretch.after.seq), through: stretch.through.seq }
        const records = await listStretch(sql, shard, range, PAGE)
        const numbers = records.map(({ seq }) => seq)
        const entries = await listToldEntries(sql, month, shard, numbers)
        const last = numbers.at(-1)
        return { records, entries, next: last === undefined || Number(last) === range.through ? null : Number(last) }
      })
    },

    /** Keeps that the month was written out, once it is seen that the file can have all of it. @throws Problem as `chain` */
    async keepExport(name: string, made: Omit<Export, 'at'>): Promise<Work> {
      const month = await monthIn(name, 'attached')
      return begin('export', month, async (mine) => {
        const found = await compare(month, 'attached', mine)
        if (found.kind === 'not_as_told') return found.detail
        if (found.entries !== made.entries)
          return `${made.entries} entries were exported, and there are ${found.entries}`
        if (!isSame(found.chain, made.chain)) return 'the export has other records than the chain'
        await transaction((sql) => insertExport(sql, month, { ...made, at: clock.now() }))
        return null
      })
    },

    /** Takes the month off; its newest export is where it can be found. @throws Problem as `chain` */
    async detach(name: string, actor: string): Promise<Work> {
      const month = await monthIn(name, 'attached')
      const [exported] = (await transaction(listExports)).filter((each) => each.month === name)
      if (exported === undefined) throw conflict(`${name} was not exported: tidegate ledger export ${name} --to FILE`)
      return begin('detach', month, async (mine) => {
        const found = await compare(month, 'attached', mine)
        if (found.kind === 'not_as_told') return found.detail
        if (!isSame(found.chain, exported.chain)) return 'the export has other records than the chain'
        await transaction((sql) => detachMonth(sql, month, exported.digest, actor, clock.now()))
        log.warn({ month: name, export: exported.digest, actor }, 'the entries of a month were detached')
        return null
      })
    },

    /** Begins to take a month back: an empty table. @throws Problem as `chain` */
    async stage(name: string): Promise<void> {
      const month = await monthIn(name, 'detached')
      if (running !== null) throw conflict(`the ${work?.kind} of ${work?.month} is under way`)
      await transaction((sql) => stageMonth(sql, month))
    },

    /** Takes some entries in, in any order. @throws Problem as `chain` */
    async stageEntries(name: string, entries: readonly object[]): Promise<void> {
      const month = await monthIn(name, 'detached')
      await transaction(async (sql) => {
        if (!(await isStaged(sql, month))) throw conflict(`${name} is not being attached`)
        await stageEntries(sql, month, JSON.stringify(entries))
      })
    },

    /** Puts the month back, once all that the journal tells of it is there and nothing else. @throws Problem as `chain` */
    async attach(name: string, actor: string): Promise<Work> {
      const month = await monthIn(name, 'detached')
      if (!(await transaction((sql) => isStaged(sql, month)))) throw conflict(`${name} is not being attached`)
      return begin('attach', month, async (mine) => {
        const found = await compare(month, 'staged', mine)
        if (found.kind === 'not_as_told') return found.detail
        await transaction((sql) => attachMonth(sql, month))
        log.warn({ month: name, actor }, 'the entries of a month were attached')
        return null
      })
    },

    async close(): Promise<void> {
      closing.abort()
      await running
    },
  }
}

export type Months = ReturnType<typeof createMonths>

/** Of the store's own names. */
function required(name: string): Month {
  const month = monthOf(name)
  if (month === null) throw new Error(`${name} is no month`)
  return month
}

function isSame(a: readonly Stretch[], b: readonly Stretch[]): boolean {
  return canonicalJson(a) === canonicalJson(b) // the store orders keys anew
}

function conflict(detail: string): Problem {
  return new Problem('conflict', { detail })
}
