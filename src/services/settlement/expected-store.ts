import { toRfc3339 } from '../../kernel/clock.ts'
import type { Currency } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import type { Expected, Named } from './matching.ts'
import type { Reconciliation } from './reconciliation-store.ts'

const EXPECTED = `id AS payout, amount::text, coalesce(account, '') AS account, coalesce(file, '') AS file,
  to_char(sent_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS "sentOn"`
/** The bank was asked for it, and no statement has told of it so far; two people have not given it back meanwhile either. */
const AWAITED = `matched_in IS NULL AND broken_in IS NULL AND (state IN ('sent', 'paid')
  OR told_in IS NOT NULL AND NOT (missing_in IS NOT NULL AND state IN ('returning', 'returned')))`
/** A statement has told that it was paid, and none that it was given back. */
const MATCHED = `matched_in IS NOT NULL AND return_in IS NULL AND state NOT IN ('returning', 'returned')`

type ExpectedRow = Record<'payout' | 'amount' | 'account' | 'file' | 'sentOn', string>

function toExpected({ payout, amount, account, sentOn }: ExpectedRow): Expected {
  return { payout, amount: BigInt(amount), account, sentOn }
}

/** What each of these references names. */
export async function namedBy(
  sql: Sql,
  currency: Currency,
  references: readonly string[],
): Promise<ReadonlyMap<string, Named>> {
  const named = new Map<string, Named>()
  const payouts = await sql.query<ExpectedRow & { awaited: boolean; matched: boolean }>(
    `SELECT ${EXPECTED}, (${AWAITED}) AS awaited, (${MATCHED}) AS matched
     FROM payout WHERE id = ANY($1) AND currency = $2 AND file IS NOT NULL`,
    [references, currency],
  )
  for (const row of payouts) {
    const expected = toExpected(row)
    if (row.awaited) named.set(row.payout, { kind: 'awaited', payouts: [expected] })
    else named.set(row.payout, row.matched ? { kind: 'matched', payout: expected } : { kind: 'over' })
  }
  const inFiles = await sql.query<ExpectedRow>(
    `SELECT ${EXPECTED} FROM payout WHERE file = ANY($1) AND currency = $2 AND ${AWAITED} ORDER BY id`,
    [references, currency],
  )
  for (const [file, rows] of Map.groupBy(inFiles, (row) => row.file)) {
    named.set(file, { kind: 'awaited', payouts: rows.map(toExpected) })
  }
  return named
}

const AWAITED_BY_PARTIES_MAX = 20_000

/** What these accounts are still to be paid. */
export async function awaitedBy(
  sql: Sql,
  currency: Currency,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, readonly Expected[]>> {
  const rows = await sql.query<ExpectedRow>(
    `SELECT ${EXPECTED} FROM payout WHERE account = ANY($1) AND currency = $2 AND ${AWAITED} ORDER BY id LIMIT $3`,
    [accounts, currency, AWAITED_BY_PARTIES_MAX],
  )
  return Map.groupBy(rows.map(toExpected), ({ account }) => account)
}

/** Payouts above `after` that were sent before the statement ended, and that no statement has told of and no break is about. */
export async function notTold(
  sql: Sql,
  { currency, to }: Reconciliation,
  after: string,
  limit: number,
): Promise<Expected[]> {
  const rows = await sql.query<ExpectedRow>(
    `SELECT ${EXPECTED} FROM payout
     WHERE currency = $1 AND id > $2 AND sent_at <= $3 AND ${AWAITED} AND missing_in IS NULL ORDER BY id LIMIT $4`,
    [currency, after, toRfc3339(to), limit],
  )
  return rows.map(toExpected)
}
