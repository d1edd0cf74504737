import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import type { Sql } from '../../../platform/database.ts'
import type { OpenAccount } from '../books.ts'

/** Entries of an account that may be in a detached month: those between two versions that are here. */
export type Hole = {
  readonly month: string
  readonly digest: string
  readonly file: string
  readonly below: number
  readonly above: number
}

/** From when on, and until when; both may be open. `to` is not in it. */
export type Window = { readonly from: Instant | null; readonly to: Instant | null }

/**
 * Where entries of the account may be missing within the window, the newest first: versions have no gaps, so what is not
 * here is in a month that was detached.
 */
export async function listHoles(
  sql: Sql,
  { account, balance }: OpenAccount,
  { from, to }: Window,
): Promise<readonly Hole[]> {
  const within = 'entry.shard = $1 AND entry.account = $2'
  const rows = await sql.query<{ month: string; digest: string; file: string; below: bigint; above: bigint }>(
    `SELECT to_char(month, 'YYYY-MM') AS month, digest, file, coalesce(before.version, 0) AS below, coalesce(after.version, $3) AS above
     FROM (
       SELECT *, month::timestamp AT TIME ZONE 'UTC' AS first, (month + interval '1 month') AT TIME ZONE 'UTC' AS next
       FROM detached_month JOIN month_export USING (month, digest)
     ) AS away
     LEFT JOIN LATERAL (
       SELECT version FROM entry WHERE ${within} AND recorded_at < first ORDER BY version DESC LIMIT 1
     ) AS before ON true
     LEFT JOIN LATERAL (
       SELECT version FROM entry WHERE ${within} AND recorded_at >= next ORDER BY version LIMIT 1
     ) AS after ON true
     WHERE next > $4 AND first < $5 AND coalesce(after.version, $3) > coalesce(before.version, 0) + 1
     ORDER BY month DESC`,
    [account.shard, account.id, balance.version + 1, timeOr(from, '-infinity'), timeOr(to, 'infinity')],
  )
  return rows.map(({ below, above, ...away }) => ({ ...away, below: Number(below), above: Number(above) }))
}

function timeOr(time: Instant | null, none: string): string {
  return time === null ? none : toRfc3339(time)
}
