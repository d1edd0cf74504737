import type { Clock, Instant } from '../../../kernel/clock.ts'
import { type Currency, money } from '../../../kernel/money.ts'
import type { Sql } from '../../../platform/database.ts'
import { createVersionedRecords, plainFields, type VersionedRecords } from '../../../platform/versions.ts'
import type { Exchange } from '../model.ts'

export type RateFields = { readonly rate: string; readonly expiresAt: string }

/** Rates keep every version; a pair is a record. */
export function createRateStore(clock: Clock): VersionedRecords<RateFields> {
  return createVersionedRecords('rate', clock, plainFields())
}

/** An exchange with the member whose accounts it is between. */
export async function readExchange(
  sql: Sql,
  id: string,
): Promise<{ readonly exchange: Exchange; readonly member: string | null } | null> {
  const [row] = await sql.query(
    `SELECT exchange.*, paid.debit, paid.currency, paid.amount, paid.reference, received.credit,
       received.currency AS into, received.amount AS got, rounding.amount AS residue, account.member
     FROM exchange
     JOIN transfer AS paid ON paid.id = exchange.paid
     JOIN transfer AS received ON received.id = exchange.received
     LEFT JOIN transfer AS rounding ON rounding.id = exchange.rounding
     JOIN account ON account.id = paid.debit
     WHERE exchange.id = $1`,
    [id],
  )
  if (row === undefined) return null
  const into = row['into'] as Currency
  const exchange = {
    id,
    from: row['debit'] as string,
    to: row['credit'] as string,
    paid: money(row['currency'] as Currency, row['amount'] as bigint),
    received: money(into, row['got'] as bigint),
    residue: money(into, (row['residue'] as bigint | null) ?? 0n),
    rate: row['rate'] as string,
    rateVersion: Number(row['rate_version']),
    reference: row['reference'] as string,
    transfers: {
      paid: row['paid'] as string,
      received: row['received'] as string,
      rounding: row['rounding'] as string | null,
    },
    createdAt: row['at'] as Instant,
  }
  return { exchange, member: row['member'] as string | null }
}
