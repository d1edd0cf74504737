import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { AssertionFailed } from '../../kernel/assert.ts'
import type { Clock, Instant } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import type { Outbox } from '../../platform/outbox.ts'
import type { Appended, Batch, BatchStore, JournalRecord, Lease, Presumed } from './append.ts'
import { type Settled, settle } from './batch.ts'
import { type BatchQueue, createBatchQueue } from './batch-queue.ts'
import { Books } from './books.ts'
import type { Calendar } from './calendar.ts'
import type { Command } from './commands.ts'
import type { Directory } from './directory.ts'
import type { Balance } from './model.ts'
import { hashOf } from './proof/chain.ts'
import { allOf, bodyOf, doneIn, factsOf, isPresumable, type Known, openMonth, readBatch, workOf } from './store.ts'
import { isFilled } from './writes.ts'

const BATCH_COMMANDS_MAX = 500
const WAITING_COMMANDS_MAX = 2_000
/** From how many on the next batch is decided while one is on its way. */
const AHEAD_COMMANDS_MIN = 128
/** After a batch was presumed wrongly so many are looked up before they are decided: where one asks again, others do. */
const LOOKED_UP_BATCHES = 16
const REMEMBERED_BALANCES_MAX = 100_000
/** Of one batch; that its shards were taken is none: somebody else's batches go on then. */
const COLLISIONS_MAX = 8
const RETRY_STEP_MS = 20
const RETRY_MS_MAX = 160

/** SQLSTATE: a deadlock, a serialization failure, or a key that another shard's writer took first. Nothing was committed. */
const COLLISIONS = new Set(['40P01', '40001', '23505'])

/** SQLSTATE classes of what is wrong with a value: data exceptions, violated constraints. */
const VALUE_AT_FAULT = /^(22|23)/

export type Writer = BatchQueue<Command, Settled>

/** What a batch comes to, and where the chains of its writer's shards end with it; or why nothing could be decided. */
type Decided = {
  readonly leases: readonly Lease[] | null
  readonly books: Books | null
  readonly settled: readonly Settled[]
  /** Keeps the batch, which is ready; null: there is nothing to keep. */
  readonly append: (() => Promise<Appended>) | null
  readonly error: unknown
}
type Ended =
  | { readonly kind: 'kept' }
  | { readonly kind: 'overtaken' }
  | { readonly kind: 'made_before' }
  | { readonly kind: 'failed'; readonly error: unknown }
type Sent = Decided & { readonly ended: Promise<Ended> }

/**
 * The one writer of some shards: what waits is decided in memory, in its order, and committed as one batch, with a record in
 * the chain of each shard that it writes in. Another process may take a shard at any time; then nothing of ours is committed,
 * and we take it back. Safety never rests on who believes to hold it. While one batch is on its way to the store, the next one is
 * decided on what that comes to, if it is large, and made ready; it is sent, and anyone is answered, only once that one is kept.
 * Transfers are presumed to be asked for for the first time: the store refuses the batch where one was not; it is decided anew.
 */
export function createWriter(options: {
  /** In ascending order, in which they are taken. */
  readonly shards: readonly number[]
  readonly transaction: Outbox['transaction']
  readonly reads: Sql
  readonly store: BatchStore
  readonly clock: Clock
  readonly directory: Directory
  readonly calendar: Calendar
  /** How many commands have to wait for the next batch to be decided while one is on its way. */
  readonly aheadMin?: number | undefined
}): Writer {
  const { shards, transaction, reads, store, clock, directory, calendar, aheadMin = AHEAD_COMMANDS_MIN } = options
  const balances = new Map<string, Balance>()
  const accounts: Known['accounts'] = (sql, ids) => directory.accounts(ids, sql)
  const months = new Set<string>()
  let leases: readonly Lease[] | null = null
  /** The batch that was sent to the store and has not ended: one at most. */
  let underWay: Sent | null = null
  /** The batch whose end the next one waits for, decided and ready. */
  let awaited: Sent | null = null
  let turn: Promise<unknown> = Promise.resolve()
  /** Of the next ones. */
  let lookedUpBatches = 0

  /** `next` is called once the batch is sent: the next one is decided meanwhile. */
  async function run(commands: readonly Command[], next: () => void): Promise<readonly Settled[]> {
    let collisions = 0
    for (let attempts = 1; ; attempts++) {
      const sent = await inTurn(() => decideAndSend(commands, attempts === 1))
      next()
      const ended = await sent.ended
      if (ended.kind === 'kept') {
        if (awaited === sent) await nextTurn() // who is answered asks again, which takes a while: the store has its work first
        return sent.settled
      }
      if (ended.kind === 'made_before') continue
      if (ended.kind === 'failed' && (!isCollision(ended.error) || ++collisions >= COLLISIONS_MAX)) throw ended.error
      await sleep(Math.random() * Math.min(attempts * RETRY_STEP_MS, RETRY_MS_MAX))
    }
  }

  /** One batch at a time is decided. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work)
    turn = mine.catch(() => null)
    return mine
  }

  /** Decides on what the batch under way comes to; if that is not kept, it was for nothing. */
  async function decideAndSend(commands: readonly Command[], isFirst: boolean): Promise<Sent> {
    const ahead = underWay
    const presumes = isFirst && lookedUpBatches === 0
    if (lookedUpBatches > 0) lookedUpBatches--
    let decided = await decideOn(commands, ahead, presumes)
    awaited = ahead
    if (ahead !== null && (await ahead.ended).kind !== 'kept') decided = await decideOn(commands, null, presumes)
    awaited = null
    const sent = { ...decided, ended: keep(decided) }
    underWay = sent
    return sent
  }

  async function decideOn(commands: readonly Command[], ahead: Sent | null, presumes: boolean): Promise<Decided> {
    let held: readonly Lease[] | null = null
    try {
      leases ??= await takeAll()
      held = ahead?.leases ?? leases
      const now = Math.max(clock.now(), ...held.map(({ at }) => at)) as Instant // versions go on in time, whatever a clock does
      await openMonthOf(now)
      const before = ahead?.books ?? null
      const known = { shards: new Set(shards), balances, accounts }
      const books = new Books(await readBatch(reads, known, commands, presumes), now, calendar(now), before)
      const settled = commands.map((command) => settle(books, command))
      const presumed = presumes ? presumedOf(commands, settled, books) : []
      if (!books.hasWritten()) {
        if (presumed.length > 0) return await decideOn(commands, ahead, false) // no batch would find out
        return { leases: held, books, settled, append: null, error: null }
      }
      const batch = { ...batchOf(held, books), presumed }
      const after = held.map((lease) => batch.records.find(({ shard }) => shard === lease.shard) ?? lease)
      return { leases: after, books, settled, append: store.ready(batch), error: null }
    } catch (error) {
      return { leases: held, books: null, settled: [], append: null, error }
    }
  }

  /** What was read nobody else has changed, or nothing of it counts: who does has taken the shard. */
  async function keep(decided: Decided): Promise<Ended> {
    const ended = await endOf(decided).catch((error: unknown) => ({ kind: 'failed', error }) as const)
    const { books, leases: held } = decided
    underWay = null
    if (ended.kind === 'kept') {
      leases = held
      remember(books?.balances() ?? [])
    } else if (ended.kind === 'made_before') {
      lookedUpBatches = LOOKED_UP_BATCHES // all else is as it was
    } else {
      leases = null // whether it was kept may not be known
      balances.clear()
    }
    return ended
  }

  async function endOf({ append, leases: held, error }: Decided): Promise<Ended> {
    if (append !== null) {
      const appended = await append()
      return { kind: appended === 'appended' ? 'kept' : appended }
    }
    if (held !== null && !(await store.holds(held))) return { kind: 'overtaken' }
    return error === null ? { kind: 'kept' } : { kind: 'failed', error }
  }

  async function takeAll(): Promise<readonly Lease[]> {
    const taken: Lease[] = []
    for (const shard of shards) taken.push(await store.take(shard))
    return taken
  }

  /** Those that were only read with the others: clearing accounts that seldom change are beside each transfer. */
  function remember(known: Iterable<readonly [account: string, Balance]>): void {
    for (const [account, balance] of known) balances.set(account, balance)
    if (balances.size > REMEMBERED_BALANCES_MAX) balances.clear()
  }

  async function openMonthOf(now: Instant): Promise<void> {
    const month = new Date(now).toISOString().slice(0, 7)
    if (months.has(month)) return
    await transaction((sql) => openMonth(sql, now))
    months.add(month)
  }

  return createBatchQueue({
    batchMax: BATCH_COMMANDS_MAX,
    waitingMax: WAITING_COMMANDS_MAX,
    aheadMin,
    run,
    isOfOneTask: isOfOneCommand,
  })
}

/** Those that were decided as new, not answered as a batch on its way or this one has decided them before. */
function presumedOf(commands: readonly Command[], settled: readonly Settled[], books: Books): readonly Presumed[] {
  const made = new Set([...books.writes.values()].flatMap(({ transfers }) => transfers.map(({ id }) => id)))
  return commands.flatMap((command, nth) => {
    const one = settled[nth]
    if (!isPresumable(command) || one?.kind === 'key_reused' || (one?.kind === 'settled' && one.replayed)) return []
    const { transfer, request } = command
    return [{ transfer: made.has(transfer) ? null : transfer, owner: request.owner, key: request.key }]
  })
}

function batchOf(held: readonly Lease[], books: Books): Omit<Batch, 'presumed'> {
  const written = held.flatMap((lease) => {
    const writes = books.writes.get(lease.shard)
    return writes === undefined || !isFilled(writes) ? [] : [{ lease, facts: factsOf(books, writes) }]
  })
  const records = written.map(({ lease, facts }) => recordOf(lease, bodyOf(facts), books.now))
  const facts = allOf(written.map((each) => each.facts))
  return { records, facts, work: workOf(books), done: doneIn(books), happenings: books.happenings }
}

function recordOf({ shard, epoch, seq, hash: previous }: Lease, body: string, at: Instant): JournalRecord {
  const record = { shard, epoch, seq: seq + 1n, previous, at, body }
  return { ...record, hash: hashOf(record) }
}

function isCollision(error: unknown): boolean {
  return error instanceof Error && 'code' in error && COLLISIONS.has(String(error.code))
}

/** What one command of a batch can be the cause of: a value that the store refuses, or a bug of ours that it meets. */
function isOfOneCommand(error: unknown): boolean {
  if (error instanceof AssertionFailed || error instanceof TypeError || error instanceof RangeError) return true
  return error instanceof Error && 'code' in error && VALUE_AT_FAULT.test(String(error.code))
}
