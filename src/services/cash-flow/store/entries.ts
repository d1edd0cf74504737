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
    effectiveAt: row['effective_at'] as Instant | null,
  }
}

/** By which times and versions entries are looked for that were recorded late. */
export type Late = {
  /** Effective by then, and recorded later. */
  readonly at: Instant
  /** Recorded by then. Nothing is recorded later that was effective by `at`. */
  readonly until: Instant
  readonly above: number
  readonly upTo: number
}

/** What these entries have posted. */
export async function sumBackdated(
  sql: Sql,
  { id, shard }: Pick<Account, 'id' | 'shard'>,
  { at, until, above, upTo }: Late,
): Promise<bigint> {
  const [row] = await sql.query<{ posted: bigint }>(
    `SELECT coalesce(sum(CASE direction WHEN 'credit' THEN amount ELSE -amount END), 0)::bigint AS posted FROM entry
     WHERE shard = $1 AND account = $2 AND effective_at IS NOT NULL AND effective_at <= $3
       AND recorded_at > $3 AND recorded_at <= $4 AND version > $5 AND version <= $6`,
    [shard, id, toRfc3339(at), toRfc3339(until), above, upTo],
  )
  return row?.posted ?? 0n
}
