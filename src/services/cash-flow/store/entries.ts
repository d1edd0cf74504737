import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import type { Row, Sql } from '../../../platform/database.ts'
import type { Account, Entry } from '../model.ts'

/** Entries of one account: below a version, from a time on, before a time. */
export type EntryRange = {
  readonly below: number | null
  readonly from: Instant | null
  readonly to: Instant | null
}

/** The entries of an account, newest first. */
export async function listEntries(
  sql: Sql,
  { id, shard }: Pick<Account, 'id' | 'shard'>,
  range: EntryRange,
  limit: number,
): Promise<Entry[]> {
  const { below, from, to } = range
  const rows = await sql.query(
    `SELECT * FROM entry
     WHERE shard = $6 AND account = $1 AND ($2::bigint IS NULL OR version < $2)
       AND ($3::timestamptz IS NULL OR recorded_at >= $3) AND ($4::timestamptz IS NULL OR recorded_at < $4)
     ORDER BY version DESC LIMIT $5`,
    [id, below, from === null ? null : toRfc3339(from), to === null ? null : toRfc3339(to), limit, shard],
  )
  return rows.map(toEntry)
}

export function toEntry(row: Row): Entry {
  return {
    id: row['id'] as string,
    account: row['account'] as string,
    shard: Number(row['shard']),
    version: Number(row['version']),
    transfer: row['transfer'] as string,
    phase: row['phase'] as Entry['phase'],
    direction: row['direction'] as Entry['direction'],
    amount: row['amount'] as bigint,
    posted: row['posted'] as bigint,
    pending: row['pending'] as bigint,
    recordedAt: row['recorded_at'] as Instant,
  }
}
