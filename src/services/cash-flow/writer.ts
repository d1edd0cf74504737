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
import { bodyOf, doneIn, factsOf, openMonth, readBatch, workOf } from './store.ts'

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
 * The one writer of a shard: what waits is decided in memory, in its order, and committed as one batch, with its record in
 * the shard's chain. Another process may take the shard at any time; then nothing of ours is committed, and we take it back.
 * Safety never rests on who believes to hold it.
 */
export function createWriter(options: {
  readonly shard: number
  readonly transaction: Outbox['transaction']
  readonly store: BatchStore
  readonly clock: Clock
  readonly directory: Directory
}): Writer {
  const { shard, transaction, store, clock, directory } = options
  const balances = new Map<string, Balance>()
  const months = new Set<string>()
  let lease: Lease | null = null

  /** Null: the shard was taken, and nothing committed. */
  async function run(held: Lease, commands: readonly Command[]): Promise<readonly Settled[] | null> {
    const now = Math.max(clock.now(), held.at) as Instant // versions go on in time, whatever a clock does
    const known = { shard, balances, accounts: (sql: Sql, ids: readonly string[]) => directory.accounts(ids, sql) }
    await openMonthOf(now)
    // What is read here nobody else changes, or the batch is not kept: who does has taken the shard.
    const books = new Books(await transaction((sql) => readBatch(sql, known, commands)), now)
    const settled = commands.map((command) => settle(books, command))
    if (!books.hasWritten()) return (await store.holds(held)) ? settled : null
    const batch = batchOf(held, books)
    if ((await store.append(batch)) === 'overtaken') return null
    lease = batch.records[0] ?? null
    remember(books.changed())
    return settled
  }

  async function runBatch(commands: readonly Command[]): Promise<readonly Settled[]> {
    for (let attempts = 1; ; attempts++) {
      try {
        lease ??= await store.take(shard)
        const settled = await run(lease, commands)
        if (settled !== null) return settled
        forget()
      } catch (error) {
        forget() // whether it was committed may not be known
        if (!isCollision(error) || attempts >= ATTEMPTS_MAX) throw error
      }
      await sleep(Math.random() * RETRY_MS_MAX * Math.min(attempts, ATTEMPTS_MAX))
    }
  }

  function forget(): void {
    lease = null
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

function batchOf(held: Lease, books: Books): Batch {
  const facts = factsOf(books)
  const records = [recordOf(held, bodyOf(facts), books.now)]
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
