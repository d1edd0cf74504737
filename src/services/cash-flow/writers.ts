import type { Clock } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import type { Outbox } from '../../platform/outbox.ts'
import { traceOf } from '../../platform/traced-events.ts'
import type { Tracer } from '../../platform/tracing.ts'
import type { BatchStore } from './append.ts'
import type { Settled } from './batch.ts'
import type { Calendar } from './calendar.ts'
import type { Command } from './commands.ts'
import type { Directory } from './directory.ts'
import { createWriter, type Writer } from './writer.ts'

/** The writers of this process, among whom the shards are dealt out. */
export interface Writers {
  /** Over how many shards accounts are spread. */
  shards(): Promise<number>
  /** Hands the command to the writer of its shard. One of `ours` is not refused, however many wait. */
  submit(command: Command, caller: AbortSignal | 'ours'): Promise<Settled>
  /** Answers once all that was submitted has been run. */
  idle(): Promise<void>
}

/**
 * `wished`: how many shards there are to be at least; there may be more, and none goes. They are opened when first asked for. With
 * one writer all money moves at once; with several, they commit side by side, and what goes from one to another is a crossing.
 */
export function createWriters(options: {
  readonly wished: number
  readonly writers: number
  readonly transaction: Outbox['transaction']
  readonly reads: Sql
  readonly store: BatchStore
  readonly clock: Clock
  readonly directory: Directory
  /** Where days and months begin, for limits. */
  readonly calendar: Calendar
  readonly aheadMin?: number | undefined
  /** Whoever submits a command within a trace has what comes of it in that trace. */
  readonly tracer?: Tracer | null
}): Writers {
  const {
    wished,
    writers: writersMax,
    transaction,
    reads,
    store,
    clock,
    directory,
    calendar,
    aheadMin,
    tracer = null,
  } = options
  let opening: Promise<readonly Writer[]> | null = null
  /** The writer of each shard, once they are open. */
  let open: readonly Writer[] | null = null

  const openAll = async (): Promise<readonly Writer[]> => {
    const shards = await store.shards(wished, clock.now())
    const count = Math.min(writersMax, shards.length)
    const writers = Array.from({ length: count }, (_, nth) => {
      const own = shards.filter((_shard, index) => index % count === nth)
      return createWriter({ shards: own, transaction, reads, store, clock, directory, calendar, aheadMin })
    })
    open = shards.map((_shard, index) => writers[index % count] as Writer)
    return open
  }
  const opened = (): Promise<readonly Writer[]> => {
    opening ??= openAll().catch((error) => {
      opening = null // the store was away: the next caller tries again
      throw error
    })
    return opening
  }

  return {
    shards: async () => (await opened()).length,
    async submit(command, caller) {
      const writers = open ?? (await opened())
      const home = directory.shardOf(command)
      const shard = typeof home === 'number' ? home : await home // most wait for nothing
      const writer = writers[shard]
      if (writer === undefined) throw new Error(`the shard ${shard} was opened by another process; start again`)
      return await writer.submit(tracer === null ? command : { ...traceOf(tracer), ...command }, caller)
    },
    async idle() {
      if (opening !== null) await Promise.all((await opening).map((writer) => writer.idle()))
    },
  }
}
