import type { Outbox } from '../../../platform/outbox.ts'
import type { BatchStore } from '../append.ts'
import { writeBatch } from './batch-write.ts'
import { appendRecord, holdsShard, takeShard } from './shards.ts'

/** Keeps batches in SQL: the fence, the records, what they tell of, and the events, all in one transaction. */
export function createBatchStore(transaction: Outbox['transaction']): BatchStore {
  return {
    take: (shard) => transaction((sql) => takeShard(sql, shard)),
    holds: (lease) => transaction((sql) => holdsShard(sql, lease)),
    append: (batch) =>
      transaction(async (sql, emit) => {
        for (const record of batch.records) if (!(await holdsShard(sql, record))) return 'overtaken'
        for (const record of batch.records) await appendRecord(sql, record)
        await writeBatch(sql, batch)
        for (const happening of batch.happenings) emit(happening)
        return 'appended'
      }),
  }
}
