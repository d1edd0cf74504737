import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import type { Sql } from '../../../platform/database.ts'
import type { JournalRecord } from '../append.ts'

/** The records of a shard after a number, in their order. */
export async function listRecords(sql: Sql, shard: number, after: bigint, limit: number): Promise<JournalRecord[]> {
  return sql.query<JournalRecord>('SELECT * FROM journal WHERE shard = $1 AND seq > $2 ORDER BY seq LIMIT $3', [
    shard,
    after,
    limit,
  ])
}

/** The records of a shard that were made at this time: usually one, since a batch takes longer than a millisecond. */
export async function findRecords(sql: Sql, shard: number, at: Instant): Promise<JournalRecord[]> {
  const time = toRfc3339(at)
  return sql.query<JournalRecord>('SELECT * FROM journal WHERE shard = $1 AND at = $2 ORDER BY seq', [shard, time])
}

/** Where the shard's chain ends; null when there is no such shard. */
export async function readHead(
  sql: Sql,
  shard: number,
): Promise<{ readonly seq: bigint; readonly hash: string } | null> {
  const [head] = await sql.query<{ seq: bigint; hash: string }>('SELECT seq, hash FROM shard WHERE shard = $1', [shard])
  return head ?? null
}
