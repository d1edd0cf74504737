import type { Instant } from '../../../kernel/clock.ts'
import { type Currency, money } from '../../../kernel/money.ts'
import { legIdsOf } from '../../../kernel/operation-id.ts'
import type { Row, Sql } from '../../../platform/database.ts'
import type { Ends } from '../happenings.ts'
import type { Fee, Hold, JudgedBy, Resolution, Transfer, WithdrawalEnd } from '../model.ts'

/** A transfer with the members at its ends, who may see it. */
export type SeenTransfer = { readonly transfer: Transfer; readonly ends: Ends }

/** Transfers as they stand now, deposits among them. */
export async function readTransfers(sql: Sql, ids: readonly string[]): Promise<readonly SeenTransfer[]> {
  const rows = await sql.query(
    `SELECT transfer.*, hold_resolution.outcome, hold_resolution.captured, reversal.transfer AS reversed_by,
       crossing.amount AS crossing, withdrawal_end.outcome AS end_outcome, withdrawal_end.transfer AS end_transfer, payer.member AS from_member, payer.product AS product, payee.member AS to_member
     FROM transfer
     JOIN account payer ON payer.id = transfer.debit
     JOIN account payee ON payee.id = transfer.credit
     LEFT JOIN hold_resolution ON hold_resolution.hold = coalesce(transfer.part_of, transfer.id)
     LEFT JOIN reversal ON reversal.original = transfer.id
     LEFT JOIN withdrawal_end ON withdrawal_end.withdrawal = transfer.id
     LEFT JOIN crossing ON crossing.transfer = coalesce(transfer.part_of, transfer.id)
     WHERE transfer.id = ANY($1)`,
    [ids],
  )
  return rows.map((row) => ({
    transfer: toTransfer(row),
    ends: { fromMember: row['from_member'] as string | null, toMember: row['to_member'] as string | null },
  }))
}

export async function readTransfer(sql: Sql, id: string): Promise<SeenTransfer | null> {
  return (await readTransfers(sql, [id]))[0] ?? null
}

/** Those of these transfers that are the answer to a request. */
export async function answeringAmong(sql: Sql, ids: readonly string[]): Promise<readonly string[]> {
  if (ids.length === 0) return []
  const rows = await sql.query<{ id: string }>('SELECT id FROM transfer WHERE id = ANY($1) AND key IS NOT NULL', [ids])
  return rows.map(({ id }) => id)
}

function toTransfer(row: Row): Transfer {
  const heldBy = row['held_by'] as Hold['by'] | null
  const end = row['end_outcome'] as WithdrawalEnd['outcome'] | null
  const outcome = row['outcome'] as Resolution['outcome'] | null
  const {
    key,
    request_digest: digest,
    maker: owner,
  } = row as Record<'key' | 'request_digest', string | null> & { maker: string }
  const [id, minor, partOf] = [row['id'] as string, row['amount'] as bigint, row['part_of'] as string | null]
  /** Of what happened to the whole, a leg's share is all of its own. */
  const share = (column: string): bigint => (partOf === null ? (row[column] as bigint) : minor)
  return {
    id,
    kind: row['kind'] as Transfer['kind'],
    from: row['debit'] as string,
    to: row['credit'] as string,
    amount: money(row['currency'] as Currency, minor),
    reference: row['reference'] as string,
    maker: row['maker'] as string,
    operation: row['operation'] as string | null,
    assessment: row['assessment'] as string | null,
    receipt: row['receipt'] as string | null,
    hold: heldBy === null ? null : { by: heldBy, expiresAt: row['expires_at'] as Instant },
    resolution: outcome === null ? null : { outcome, captured: outcome === 'captured' ? share('captured') : 0n },
    crossing: row['crossing'] === null ? null : share('crossing'),
    reverses: row['reverses'] as string | null,
    reversedBy: row['reversed_by'] as string | null,
    partOf,
    legs: legIdsOf(id, Number(row['legs'] ?? 0)),
    fee: feeIn(row),
    judgedBy: judgedIn(row),
    end: end === null ? null : { outcome: end, transfer: row['end_transfer'] as string },
    request: key === null || digest === null ? null : { owner, key, digest },
    createdAt: row['created_at'] as Instant,
    effectiveAt: row['effective_at'] as Instant | null,
  }
}

function judgedIn(row: Row): JudgedBy | null {
  if (row['product_version'] === null) return null
  return { product: row['product'] as string, version: Number(row['product_version']) }
}

function feeIn(row: Row): Fee | null {
  const minor = row['fee'] as bigint | null
  if (minor === null) return null
  const amount = money(row['currency'] as Currency, minor)
  return { amount, product: row['fee_product'] as string, version: Number(row['fee_version']) }
}
