import type { Database } from '../../../platform/database.ts'
import type { JournalRecord } from '../append.ts'
import {
  compareTold,
  type Difference,
  listRecords,
  listUntold,
  type Snapshot,
  TOLD_TABLES,
  type ToldTable,
  takeSnapshot,
} from '../store.ts'
import { CHAIN_START, follows, type Link, verifies } from './chain.ts'
import { Replay } from './replay.ts'
import { Telling } from './telling.ts'

/** Records that are read at once. Each has the facts of up to 500 commands; nobody else waits for longer than one page takes. */
const PAGE_RECORDS = 32
const DIFFERENCES_MAX = 1_000
const OLDER_ACCOUNTS_MAX = 1_000

/** What a rebuild has come to so far. */
export type Rebuilt = {
  readonly shards: Snapshot['heads']
  records: number
  /** Facts in the records that were compared with their rows, and the balances. */
  rows: number
  readonly differences: Difference[]
  /** There are more differences than are listed. */
  more: boolean
  /** Accounts older than the journal, each with the first version that it tells of; what came before is taken as it is. */
  readonly coveredFrom: { readonly account: string; readonly version: bigint }[]
  /** Months whose entries were not compared: they were detached. */
  readonly detached: readonly string[]
}

/**
 * Replays the journal beside the live tables, up to where it ended at the start, while others write. It reads in many short
 * transactions, so that it holds up no writer: facts do not change, and balances are compared as they were at the start.
 */
export class Rebuild {
  readonly rebuilt: Rebuilt
  readonly #transaction: Database['transaction']
  readonly #snapshot: Snapshot
  readonly #replay: Replay
  readonly #told = new Map<ToldTable, number>()
  readonly #broken: string[] = []

  static async begin(transaction: Database['transaction']): Promise<Rebuild> {
    return new Rebuild(transaction, await transaction(takeSnapshot))
  }

  private constructor(transaction: Database['transaction'], snapshot: Snapshot) {
    const older = [...snapshot.openings].slice(0, OLDER_ACCOUNTS_MAX)
    this.#transaction = transaction
    this.#snapshot = snapshot
    this.#replay = new Replay(snapshot.openings)
    this.rebuilt = {
      ...{ shards: snapshot.heads, records: 0, rows: 0, differences: [], more: false },
      coveredFrom: older.map(([account, { version }]) => ({ account, version: version + 1n })),
      detached: snapshot.detached,
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const head of this.#snapshot.heads) await this.#walk(head, signal)
    this.#report(this.#snapshot.beyond.map((key) => ofJournal(key, 'too_many', [])))
    this.rebuilt.rows += this.#snapshot.balances.size
    this.#report(this.#replay.compare(this.#snapshot.balances))
    this.#report(this.#replay.compareSpent(this.#snapshot.spent))
    this.#report(this.#snapshot.strayFloors.map(strayFloor))
    for (const table of TOLD_TABLES) {
      signal.throwIfAborted()
      await this.#lookForUntold(table)
    }
  }

  /** Follows a shard's chain to where it ended. */
  async #walk(head: Snapshot['heads'][number], signal: AbortSignal): Promise<void> {
    let link: Link = CHAIN_START
    while (link.seq < head.seq) {
      signal.throwIfAborted()
      const { shard } = head
      const page = await this.#transaction((sql) => listRecords(sql, shard, link.seq, PAGE_RECORDS))
      const records = page.filter(({ seq }) => seq <= head.seq)
      const sound = records.filter((record) => {
        this.#follow(record, link)
        link = record
        return this.#take(record)
      })
      if (records.length === 0) {
        this.#report([ofJournal(`${shard} ${link.seq + 1n}`, 'missing', [])])
        return
      }
      await this.#compare(shard, sound)
      this.rebuilt.records += records.length
    }
    if (link.hash !== head.hash) this.#report([{ ...ofJournal(`${head.shard}`, 'differs', ['hash']), table: 'shard' }])
  }

  #follow(record: JournalRecord, before: Link): void {
    if (follows(record, before)) return
    const [{ shard, seq }, next] = [record, before.seq + 1n]
    this.#report([
      seq === next
        ? ofJournal(`${shard} ${seq}`, 'differs', ['previous'])
        : ofJournal(`${shard} ${next}`, 'missing', []),
    ])
  }

  /** Replays a record. One whose hash is wrong tells nothing: its rows count as told by nobody. */
  #take(record: JournalRecord): boolean {
    const key = `${record.shard} ${record.seq}`
    if (!verifies(record)) {
      this.#report([ofJournal(key, 'differs', ['hash'])])
      this.#broken.push(key)
      return false
    }
    const told = new Telling(record)
    for (const table of TOLD_TABLES) this.#count(table, this.#here(told, table))
    this.#replay.count(told.spent())
    this.#report(told.entries().flatMap((entry) => this.#replay.enter(entry) ?? []))
    return true
  }

  /** How many rows it tells of that can be compared. All of a record's have its time. */
  #here(told: Telling, table: ToldTable): number {
    const isDetached = table === 'entry' && this.rebuilt.detached.includes(told.at.slice(0, 7))
    return isDetached ? 0 : told.count(table)
  }

  async #compare(shard: number, records: readonly JournalRecord[]): Promise<void> {
    const numbers = records.map(({ seq }) => seq)
    for (const table of TOLD_TABLES) {
      const differences = await this.#transaction((sql) => compareTold(sql, table, shard, numbers))
      this.#report(differences)
      this.#count(table, -differences.filter(({ is }) => is === 'missing').length)
    }
  }

  #count(table: ToldTable, rows: number): void {
    this.#told.set(table, (this.#told.get(table) ?? 0) + rows)
    this.rebuilt.rows += Math.max(rows, 0)
  }

  /** Which rows there are too many is asked only when there are: it reads the journal as a whole. */
  async #lookForUntold(table: ToldTable): Promise<void> {
    const { begun, rows } = this.#snapshot
    if (begun === null || rows.get(table) === (this.#told.get(table) ?? 0)) return
    const asked = { begun, but: this.#broken, limit: DIFFERENCES_MAX }
    this.#report(await this.#transaction((sql) => listUntold(sql, table, asked)))
  }

  #report(differences: readonly Difference[]): void {
    const room = DIFFERENCES_MAX - this.rebuilt.differences.length
    this.rebuilt.differences.push(...differences.slice(0, room))
    if (differences.length > room) this.rebuilt.more = true
  }
}

function strayFloor(account: string): Difference {
  return { table: 'balance', key: account, is: 'differs', columns: ['overdraft'] }
}

function ofJournal(key: string, is: Difference['is'], columns: readonly string[]): Difference {
  return { table: 'journal', key, is, columns }
}
