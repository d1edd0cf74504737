import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import { type Currency, type Money, money } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'

/** A payout whose time has come: what the bank is asked, and how often it was asked before. */
export type DuePayout = {
  readonly id: Id<'payout'>
  readonly batch: Id<'settlementBatch'>
  readonly member: string
  readonly amount: Money
  readonly tries: number
}

export async function insertPayout(sql: Sql, id: Id<'payout'>, batch: string, now: Instant): Promise<void> {
  await sql.query(`INSERT INTO payout (id, batch, state, next_try_at) VALUES ($1, $2, 'pending', $3)`, [
    id,
    batch,
    toRfc3339(now),
  ])
}

export async function selectDuePayouts(sql: Sql, now: Instant, limit: number): Promise<DuePayout[]> {
  const rows = await sql.query<Omit<DuePayout, 'amount'> & { currency: Currency; net: string }>(
    `SELECT payout.id, payout.batch, payout.tries, batch.member, batch.currency,
       (batch.carried + batch.gross_in - batch.gross_out - batch.fees)::text AS net
     FROM payout JOIN settlement_batch AS batch ON batch.id = payout.batch
     WHERE payout.state = 'pending' AND payout.next_try_at <= $1
     ORDER BY payout.next_try_at LIMIT $2`,
    [toRfc3339(now), limit],
  )
  return rows.map(({ currency, net, ...row }) => ({ ...row, amount: money(currency, BigInt(net)) }))
}

export async function postponePayout(
  sql: Sql,
  id: string,
  why: { readonly error: string; readonly wasAsked: boolean; readonly nextTryAt: Instant },
): Promise<void> {
  await sql.query(
    `UPDATE payout SET tries = tries + $4, next_try_at = $3, last_error = $2 WHERE id = $1 AND state = 'pending'`,
    [id, why.error, toRfc3339(why.nextTryAt), why.wasAsked ? 1 : 0],
  )
}

/** Records the bank's answer; false when another one recorded it before. */
export async function finishPayout(sql: Sql, id: string, state: 'paid' | 'refused', error: string): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE payout SET state = $2, tries = tries + 1, last_error = $3 WHERE id = $1 AND state = 'pending' RETURNING id`,
    [id, state, error],
  )
  return rows.length > 0
}
