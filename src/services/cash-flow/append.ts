import type { Instant } from '../../kernel/clock.ts'
import type { Currency } from '../../kernel/money.ts'
import type { Happening } from '../../platform/outbox.ts'
import type { KeyedRequest } from './commands.ts'
import type { Columns, FactTable } from './store/columns.ts'

/** A writer's hold on its shard, and the end of its chain. */
export type Lease = {
  readonly shard: number
  readonly epoch: bigint
  readonly seq: bigint
  readonly hash: string
  /** When its newest batch was made. */
  readonly at: Instant
}

/** What a batch wrote in one shard, as it goes into that shard's chain. */
export type JournalRecord = Lease & { readonly previous: string; readonly body: string }

/** A transfer that was decided as one nobody had asked for, without a look into the store. */
export type Presumed = Pick<KeyedRequest, 'owner' | 'key'> & {
  /** Null: the batch makes it, and its key refuses a second one. */
  readonly transfer: string | null
}

/** What one batch comes to, all of it decided: plain values, so that it can be kept in any place that keeps text. */
export type Batch = {
  /** One for each shard that the batch writes in, in the order of the shards; each is the next one of its chain. */
  readonly records: readonly JournalRecord[]
  /** The rows that the records tell of, by table and column: what their bodies say, of all shards together. */
  readonly facts: ReadonlyMap<FactTable | 'balance', Columns>
  /** Rows for the lists of work to do, by table, each table's as a JSON array … */
  readonly work: ReadonlyMap<string, string>
  /** … and keys of those that are done. */
  readonly done: ReadonlyMap<string, readonly string[]>
  readonly happenings: readonly Happening[]
  /** If one of them was made before, nothing of the batch is kept. */
  readonly presumed: readonly Presumed[]
}

export type NewAccount = {
  readonly id: string
  readonly shard: number
  readonly member: string
  readonly product: string
  readonly currency: Currency
}

export type NewRate = {
  readonly pair: string
  readonly version: number
  readonly rate: string
  /** RFC 3339. */
  readonly expiresAt: string
  readonly setBy: string
}

/** What cash flow keeps that no shard's chain tells of. */
export type Notice =
  /** There are so many shards from here on, with their clearing accounts. */
  | { readonly kind: 'shards'; readonly count: number; readonly at: Instant }
  /** Kept again it changes nothing. */
  | { readonly kind: 'account'; readonly account: NewAccount; readonly at: Instant }
  /** The next version of a pair's rate. */
  | { readonly kind: 'rate'; readonly rate: NewRate; readonly at: Instant }

export type Appended = 'appended' | 'overtaken' | 'made_before'

/** Where cash flow keeps what it decides. Nothing else of it changes the ledger. */
export interface BatchStore {
  /** The shards that there are, once there are as many as wished. */
  shards(wished: number, now: Instant): Promise<readonly number[]>
  /** Takes a shard from whoever writes it: that one appends nothing more. */
  take(shard: number): Promise<Lease>
  /** Whether the shards are still held under these epochs: asked before what was read is answered and nothing is kept. */
  holds(leases: readonly Lease[]): Promise<boolean>
  /**
   * Makes the batch ready, which takes the processor a while. What it returns keeps the whole of it, once; `overtaken` when one of
   * its shards was taken since, `made_before` when it was presumed wrongly: then nothing of it is kept, and never will be.
   * @throws Problem, from what it returns, `dependency_unavailable`: nothing was kept; `outcome_unknown`: nobody knows whether it
   * was, and the writer takes its shards anew before it goes on
   */
  ready(batch: Batch): () => Promise<Appended>
  /** Keeps what is in no batch, once. @throws as what `ready` gives; what the store refuses was not kept */
  note(notice: Notice): Promise<void>
}
