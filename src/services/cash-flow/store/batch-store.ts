import type { Outbox } from '../../../platform/outbox.ts'
import type { BatchStore } from '../append.ts'
import { nobodyListens, type Points } from '../points.ts'
import { statementsOf, TAKEN } from './batch-statements.ts'
import { holdsShard, takeShard } from './shards.ts'

/** Keeps batches in SQL: the fence, the records, what they tell of, and the events, all in one transaction. */
export function createBatchStore(
  { transaction, atOnce }: Pick<Outbox, 'transaction' | 'atOnce'>,
  points: Points = nobodyListens,
): BatchStore {
  return {
    async take(shard) {
      const lease = await transaction((sql) => takeShard(sql, shard))
      points('shard taken')
      return lease
    },
    holds: (lease) => transaction((sql) => holdsShard(sql, lease)),
    async append(batch) {
      points('batch decided', batch)
      try {
        await atOnce(statementsOf(batch), batch.happenings)
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === TAKEN) return 'overtaken'
        throw error
      }
      points('batch committed', batch)
      return 'appended'
    },
  }
}
