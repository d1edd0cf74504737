import { setTimeout as sleep } from 'node:timers/promises'
import { AssertionFailed } from '../../kernel/assert.ts'
import type { Clock, Instant } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import type { Outbox } from '../../platform/outbox.ts'
import type { Batch, BatchStore, JournalRecord, Lease } from './append.ts'
import { type Settled, settle } from './batch.ts'
import { type BatchQueue, createBatchQueue } from './batch-queue.ts'
import { Books } from './books.ts'
import type { Command } from './commands.ts'
import type { Directory } from './directory.ts'
import type { Balance } from './model.ts'
import { hashOf } from './proof/chain.ts'
import { allOf, bodyOf, doneIn, factsOf, type Known, openMonth, readBatch, workOf } from './store.ts'
import { isFilled } from './writes.ts'

const BATCH_COMMANDS_MAX = 500
const WAITING_COMMANDS_MAX = 2_000
const REMEMBERED_BALANCES_MAX = 100_000
const ATTEMPTS_MAX = 8
const RETRY_MS_MAX = 20

/** SQLSTATE: a deadlock, a serialization failure, or a key that another shard's writer took first. Nothing was committed. */
const COLLISIONS = new Set(['40P01', '40001', '23505'])

/** SQLSTATE classes of what is wrong with a value: data exceptions, violated constraints. */
const VALUE_AT_FAULT = /^(22|23)/

export type Writer = BatchQueue<Command, Settled>

/**
 * The one writer of some shards: what waits is decided in memory, in its order, and committed as one batch, with a record in
 * the chain of each shard that it writes in. Another process may take a shard at any time; then nothing of ours is committed,
 * and we take it back. Safety never rests on who believes to hold it.
 */
export function createWriter(options: {
  /** In ascending order, in which they are taken. */
  readonly shards: readonly number[]
  readonly transaction: Outbox['transaction']
  readonly store: BatchStore
  readonly clock: Clock
  readonly directory: Directory
}): Writer {
  const { shards, transaction, store, clock, directory } = options
  const balances = new Map<string, Balance>()
  const months = new Set<string>()
  let leases: readonly Lease[] | null = null

  /** Null: a shard was taken, and nothing committed. */
  async function run(held: readonly Lease[], commands: readonly Command[]): Promise<readonly Settled[] | null> {
    const now = Math.max(clock.now(), ...held.map(({ at }) => at)) as Instant // versions go on in time, whatever a clock does
    const accounts = (sql: Sql, ids: readonly string[]) => directory.accounts(ids, sql)
    const known = { shards: new Set(shards), balances, accounts }
    await openMonthOf(now)
    // What is read here nobody else changes, or nothing of it counts: who does has taken the shard.
    const { books, settled } = await decideOn(commands, known, now).catch(async (error: unknown) => {
      if (await areHeld(held)) throw error
      return { books: null, settled: null }
    })
    if (books === null) return null
    if (!books.hasWritten()) return (await areHeld(held)) ? settled : null
    const batch = batchOf(held, books)
    if ((await store.append(batch)) === 'overtaken') return null
    leases = held.map((lease) => batch.records.find(({ shard }) => shard === lease.shard) ?? lease)
    remember(books.changed())
    return settled
  }

  async function decideOn(commands: readonly Command[], known: Known, now: Instant) {
    const books = new Books(await transaction((sql) => readBatch(sql, known, commands)), now)
    return { books, settled: commands.map((command) => settle(books, command)) }
  }

  async function runBatch(commands: readonly Command[]): Promise<readonly Settled[]> {
    for (let attempts = 1; ; attempts++) {
      try {
        leases ??= await takeAll()
        const settled = await run(leases, commands)
        if (settled !== null) return settled
        forget()
      } catch (error) {
        forget() // whether it was committed may not be known
        if (!isCollision(error) || attempts >= ATTEMPTS_MAX) throw error
      }
      await sleep(Math.random() * RETRY_MS_MAX * Math.min(attempts, ATTEMPTS_MAX))
    }
  }

  async function takeAll(): Promise<readonly Lease[]> {
    const taken: Lease[] = []
    for (const shard of shards) taken.push(await store.take(shard))
    return taken
  }

  async function areHeld(held: readonly Lease[]): Promise<boolean> {
    for (const lease of held) if (!(await store.holds(lease))) return false
    return true
  }

  function forget(): void {
    leases = null
    balances.clear()
  }

  function remember(changed: ReadonlyMap<string, Balance>): void {
    if (balances.size + changed.size > REMEMBERED_BALANCES_MAX) balances.clear()
    for (const [account, balance] of changed) balances.set(account, balance)
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
    run: runBatch,
    isOfOneTask: isOfOneCommand,
  })
}

function batchOf(held: readonly Lease[], books: Books): Batch {
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
