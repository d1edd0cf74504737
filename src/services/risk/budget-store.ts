import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { MINOR_MAX, type Money, money } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import { BUDGET_COUNT_MAX, type Budget, type Callee } from '../../policy/index.ts'

/** What passed unchecked in the time that a budget is for. */
export type Spent = {
  /** Transfers in whatever currency. */
  readonly count: number
  /** Those in the budget's currency. */
  readonly amount: Money
}

/** Lets one decision at a time spend the callee's budget; the next one sees what this one committed. */
export async function lockBudget(sql: Sql, callee: Callee): Promise<void> {
  await sql.query(
    'INSERT INTO budget_lock (callee) VALUES ($1) ON CONFLICT (callee) DO UPDATE SET callee = EXCLUDED.callee',
    [callee],
  )
}

/** What is spent of a budget. No more rows are read than a budget can count: with so many of them it is used up. */
export async function readSpent(sql: Sql, { perMs, amount }: Budget, now: Instant): Promise<Spent> {
  const { currency } = amount
  const [row] = await sql.query<{ transfers: bigint; minor: bigint }>(
    `SELECT count(*) AS transfers,
       LEAST(coalesce(sum(minor) FILTER (WHERE currency = $1), 0), $2)::bigint AS minor
     FROM (SELECT currency, minor FROM assessment WHERE unchecked AND at > $3 ORDER BY at DESC LIMIT $4) AS passed`,
    [currency, MINOR_MAX, toRfc3339((now - perMs) as Instant), BUDGET_COUNT_MAX],
  )
  return { count: Number(row?.transfers ?? 0n), amount: money(currency, row?.minor ?? 0n) }
}
