import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { type Currency, money, toWire } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'

/** A line of a member with the batch that has it; `seq` is its place in cash flow's feed. */
export type LineRow = {
  readonly seq: bigint
  readonly direction: 'in' | 'out'
  readonly currency: Currency
  readonly amount: bigint
  readonly fee: bigint | null
  readonly transfer: string
  readonly kind: string
  readonly account: string | null
  readonly at: Instant
  readonly batch: string | null
}

/** A member's lines behind one of them, by currency. */
export function listLinesOf(
  sql: Sql,
  member: string,
  after: { readonly currency: string; readonly seq: bigint; readonly direction: string },
  limit: number,
): Promise<LineRow[]> {
  return sql.query<LineRow>(
    `SELECT line.seq, line.direction, currency, amount, fee, transfer, kind, account, posted_at AS at, taken.batch
     FROM settlement_line AS line LEFT JOIN settlement_batch_line AS taken USING (seq, direction)
     WHERE member = $1 AND (currency, seq, direction) > ($2::text, $3::bigint, $4::text)
     ORDER BY currency, seq, direction LIMIT $5`,
    [member, after.currency, after.seq, after.direction, limit],
  )
}

/** A payout to a member, in all that happened to it. */
export type PayoutRow = {
  readonly id: string
  readonly batch: string
  readonly account: string | null
  readonly currency: Currency
  readonly minor: string
  readonly cameBack: string | null
  readonly state: string
  readonly reason: string
  readonly withdrawal: string | null
  readonly file: string | null
  readonly sentAt: Instant | null
  readonly carriedIn: string | null
  readonly told: readonly string[]
  readonly breaks: readonly string[]
}

export function listPayoutsOf(sql: Sql, member: string, after: string, limit: number): Promise<PayoutRow[]> {
  return sql.query<PayoutRow>(
    `SELECT payout.id, batch, account, payout.currency, amount::text AS minor, came_back::text AS "cameBack", state,
       last_error AS reason, withdrawal, file, sent_at AS "sentAt", carried_in AS "carriedIn",
       array_remove(ARRAY[matched_in, told_in, return_in], NULL) AS told,
       array_remove(ARRAY[broken_in, missing_in], NULL) AS breaks
     FROM settlement_batch JOIN payout ON payout.batch = settlement_batch.id
     WHERE settlement_batch.member = $1 AND payout.id > $2 ORDER BY payout.id LIMIT $3`,
    [member, after, limit],
  )
}

export function payoutOf({ currency, minor, cameBack, sentAt, ...row }: PayoutRow) {
  return {
    ...row,
    amount: toWire(money(currency, BigInt(minor))),
    cameBack: cameBack === null ? null : toWire(money(currency, BigInt(cameBack))),
    sentAt: sentAt === null ? null : toRfc3339(sentAt),
  }
}
