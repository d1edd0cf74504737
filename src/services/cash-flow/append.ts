import type { Instant } from '../../kernel/clock.ts'
import type { Happening } from '../../platform/outbox.ts'
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
}

/** Where the writers keep what they decide. Nothing else of theirs writes. */
export interface BatchStore {
  /** Takes a shard from whoever writes it: that one appends nothing more. */
  take(shard: number): Promise<Lease>
  /** Whether the shard is still held under this epoch: asked before what was read is answered and nothing is kept. */
  holds(lease: Pick<Lease, 'shard' | 'epoch'>): Promise<boolean>
  /**
   * Keeps the whole batch, once; `overtaken` when one of its shards was taken since: then nothing of it is kept, and never will be.
   * @throws Problem `dependency_unavailable`: nothing was kept; `outcome_unknown`: nobody knows whether it was, and the writer
   * takes its shards anew before it goes on
   */
  append(batch: Batch): Promise<'appended' | 'overtaken'>
}
