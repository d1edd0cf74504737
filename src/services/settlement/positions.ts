import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Currency } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'

/** What one party is to have from another, or owes it, for what was posted between two cut-offs. */
export type NetPosition = {
  readonly party: string
  /** Null: no member's account. */
  readonly counterparty: string | null
  readonly in: bigint
  readonly out: bigint
}

/**
 * The positions of each pair up to the cut-off, since the cut-off before it of any party. Each stands there from both of its
 * sides, so that between members all of them add up to nothing. Null for a cut-off that nothing was closed at.
 */
export async function positionsAt(
  sql: Sql,
  currency: Currency,
  cutOff: Instant,
  after: readonly [party: string, counterparty: string] | null,
  limit: number,
): Promise<readonly NetPosition[] | null> {
  const [at] = await sql.query<{ through: bigint; before: bigint }>(
    `SELECT through_seq AS through, coalesce((SELECT through_seq FROM cut_off AS earlier WHERE earlier.at < cut_off.at
       ORDER BY earlier.at DESC LIMIT 1), 0)::bigint AS before FROM cut_off WHERE at = $1`,
    [toRfc3339(cutOff)],
  )
  if (at === undefined) return null
  const [party, counterparty] = after ?? ['', '']
  const rows = await sql.query<{ party: string; counterparty: string; in: string; out: string }>(
    `SELECT * FROM (
       SELECT member AS party, coalesce(counterparty, '') AS counterparty,
         coalesce(sum(amount) FILTER (WHERE direction = 'in'), 0)::text AS "in",
         coalesce(sum(amount) FILTER (WHERE direction = 'out'), 0)::text AS "out"
       FROM settlement_line WHERE currency = $1 AND seq > $2 AND seq <= $3 GROUP BY 1, 2) AS pair
     WHERE (party, counterparty) > ($4, $5) ORDER BY party, counterparty LIMIT $6`,
    [currency, at.before, at.through, party, counterparty, limit],
  )
  return rows.map((row) => ({
    party: row.party,
    counterparty: row.counterparty === '' ? null : row.counterparty,
    in: BigInt(row.in),
    out: BigInt(row.out),
  }))
}

/** What lies in transit to members in a currency: out of their accounts, and on no statement so far. */
export type InTransit = {
  readonly currency: Currency
  readonly minor: bigint
  readonly payouts: number
  /** When the oldest of it was taken into a file; null when none was yet. */
  readonly oldestAt: Instant | null
}

export async function inTransit(sql: Sql): Promise<readonly InTransit[]> {
  const rows = await sql.query<{ currency: Currency; minor: string; payouts: bigint; oldestAt: Instant | null }>(
    `SELECT currency, sum(amount)::text AS minor, count(*) AS payouts, min(sent_at) AS "oldestAt" FROM payout
     WHERE withdrawal IS NOT NULL AND state NOT IN ('settled', 'refused', 'returned') GROUP BY currency ORDER BY currency`,
  )
  return rows.map((row) => ({ ...row, minor: BigInt(row.minor), payouts: Number(row.payouts) }))
}
