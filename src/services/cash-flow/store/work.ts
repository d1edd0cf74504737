import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import type { Money } from '../../../kernel/money.ts'
import type { Sql } from '../../../platform/database.ts'
import type { TransferCommand } from '../commands.ts'

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
