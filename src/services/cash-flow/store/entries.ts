import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import type { Row, Sql } from '../../../platform/database.ts'
import type { Account, Entry } from '../model.ts'
import { lastEntry } from './by-time.ts'

/** Entries of one account: below a version, from a time on, before a time. */
export type EntryRange = {
  readonly below: number | null
  readonly from: Instant | null
  readonly to: Instant | null
}

/** The entries of an account, newest first, found by their versions; times also say in which months to look. */
export async function listEntries(
  sql: Sql,
  account: Pick<Account, 'id' | 'shard'>,
  { below, from, to }: EntryRange,
  limit: number,
): Promise<Entry[]> {
  const { id, shard } = account
  const [after, upTo] = [await versionBefore(sql, account, from), await versionBefore(sql, account, to)]
  const rows = await sql.query(
    `SELECT * FROM entry
     WHERE shard = $1 AND account = $2 AND ($3::bigint IS NULL OR version < $3)
       AND ($4::bigint IS NULL OR version > $4) AND ($5::bigint IS NULL OR version <= $5)
       AND ($6::timestamptz IS NULL OR recorded_at >= $6) AND ($7::timestamptz IS NULL OR recorded_at < $7)
     ORDER BY version DESC LIMIT $8`,
    [shard, id, below, after, upTo, from === null ? null : toRfc3339(from), to === null ? null : toRfc3339(to), limit],
  )
  return rows.map(toEntry)
}

/** The version that the account had before a time; null where there is none given. */
async function versionBefore(
  sql: Sql,
  account: Pick<Account, 'id' | 'shard'>,
  at: Instant | null,
): Promise<number | null> {
  if (at === null) return null
  return Number((await lastEntry(sql, account, '<', at))?.['version'] ?? 0)
}

export function toEntry(row: Row): Entry {
  return {
    id: row['id'] as string | null,
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
