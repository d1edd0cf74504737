import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import { type Currency, type Money, money } from '../../../kernel/money.ts'
import type { Sql } from '../../../platform/database.ts'
import type { Crossing, TransferCommand } from '../commands.ts'

/** Open holds whose time is over, the longest overdue first. */
export async function dueHolds(sql: Sql, now: Instant, limit: number): Promise<readonly string[]> {
  const rows = await sql.query<{ hold: string }>(
    'SELECT hold FROM hold_timer WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2',
    [toRfc3339(now), limit],
  )
  return rows.map(({ hold }) => hold)
}

/** Commands that were accepted and not run yet, oldest first. */
export async function listAccepted(sql: Sql, limit: number): Promise<readonly TransferCommand[]> {
  const rows = await sql.query<{ command: WrittenCommand }>(
    'SELECT command FROM accepted_command ORDER BY at, operation LIMIT $1',
    [limit],
  )
  return rows.map(({ command }) => fromWritten(command))
}

/** A command in the table: JSON has no bigint. */
export type WrittenCommand = Omit<TransferCommand, 'amount'> & {
  readonly amount: { readonly currency: Money['currency']; readonly minor: string }
}

export function toWritten(command: TransferCommand): WrittenCommand {
  const { currency, minor } = command.amount
  return { ...command, run: 'accepted', amount: { currency, minor: minor.toString() } }
}

function fromWritten(command: WrittenCommand): TransferCommand {
  const { currency, minor } = command.amount
  return { ...command, amount: { currency, minor: BigInt(minor) } }
}

/** Crossings that have waited since before a time, the longest first. */
export async function listCrossings(sql: Sql, before: Instant, limit: number): Promise<readonly Crossing[]> {
  const rows = await sql.query('SELECT * FROM crossing WHERE at <= $1 ORDER BY at LIMIT $2', [toRfc3339(before), limit])
  return rows.map((row) => {
    const { owner, key, digest } = row as { owner: string | null; key: string | null; digest: string | null }
    return {
      transfer: row['transfer'] as string,
      from: row['payer'] as string,
      to: row['payee'] as string,
      amount: money(row['currency'] as Currency, row['amount'] as bigint),
      request: owner === null || key === null || digest === null ? null : { owner, key, digest },
      effectiveAt: row['effective_at'] as Instant | null,
    }
  })
}

/** What a review has decided on a transfer. */
export type Decided = { readonly transfer: string; readonly approved: boolean; readonly review: string }

/** Writes a decision down, to be carried out; one event is one decision. */
export async function keepDecision(sql: Sql, event: string, decided: Decided, now: Instant): Promise<void> {
  const { transfer, approved, review } = decided
  await sql.query(
    'INSERT INTO decision (event, transfer, approved, review, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING',
    [event, transfer, approved, review, toRfc3339(now)],
  )
}

/** Decisions that were not carried out yet, oldest first. */
export async function listDecisions(sql: Sql, limit: number): Promise<readonly Decided[]> {
  return sql.query<Decided>('SELECT transfer, approved, review FROM decision ORDER BY at, event LIMIT $1', [limit])
}
