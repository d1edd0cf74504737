import type { Outbox } from '../../../platform/outbox.ts'
import type { BatchStore } from '../append.ts'
import { statementsOf, TAKEN } from './batch-statements.ts'
import { holdsShard, takeShard } from './shards.ts'

/** Keeps batches in SQL: the fence, the records, what they tell of, and the events, all in one transaction. */
export function createBatchStore({ transaction, atOnce }: Pick<Outbox, 'transaction' | 'atOnce'>): BatchStore {
  return {
    take: (shard) => transaction((sql) => takeShard(sql, shard)),
    holds: (lease) => transaction((sql) => holdsShard(sql, lease)),
    async append(batch) {
      try {
        await atOnce(statementsOf(batch), batch.happenings)
        return 'appended'
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === TAKEN) return 'overtaken'
        throw error
      }
    },
  }
}
