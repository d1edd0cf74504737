import type { Outbox } from '../../../platform/outbox.ts'
import type { BatchStore } from '../append.ts'
import { nobodyListens, type Points } from '../points.ts'
import { holdShards, isMadeBefore, refuseMadeBefore, statementsOfFacts, TAKEN } from './batch-statements.ts'
import { statementsOfNotice } from './notices.ts'
import { readProjection } from './projection.ts'
import { holdsShards, listShards, takeShard } from './shards.ts'

/** Keeps batches in SQL: the fence, the records, what they tell of, and the events, all in one transaction. */
export function createBatchStore(
  { transaction, atOnce, pack }: Pick<Outbox, 'transaction' | 'atOnce' | 'pack'>,
  points: Points = nobodyListens,
): BatchStore {
  const note: BatchStore['note'] = (notice) =>
    transaction(async (sql) => {
      for (const { text, values } of statementsOfNotice(notice)) await sql.query(text, values)
    })
  return {
    async shards(wished, now) {
      const { seq } = await transaction(readProjection)
      if (seq > 0) throw new Error('this database was made of a journal in several stores, which `journal` has to name')
      await note({ kind: 'shards', count: wished, at: now })
      return transaction(listShards)
    },
    async take(shard) {
      const lease = await transaction((sql) => takeShard(sql, shard))
      points('shard taken')
      return lease
    },
    holds: (leases) => transaction((sql) => holdsShards(sql, leases)),
    note,
    ready(batch) {
      const fence = [holdShards(batch.records), ...refuseMadeBefore(batch.presumed)]
      const statements = [...fence, ...statementsOfFacts(batch)]
      const events = pack(batch.happenings)
      return async () => {
        points('batch decided', batch)
        try {
          await atOnce(statements, events)
        } catch (error) {
          if (error instanceof Error && 'code' in error && error.code === TAKEN) return 'overtaken'
          if (isMadeBefore(error, batch.presumed)) return 'made_before'
          throw error
        }
        points('batch committed', batch)
        return 'appended'
      }
    },
  }
}
