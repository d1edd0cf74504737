import { toRfc3339 } from '../../../kernel/clock.ts'
import type { Sql } from '../../../platform/database.ts'
import type { Books } from '../books.ts'
import type { Entry, Transfer } from '../model.ts'
import { toWritten } from './work.ts'

/** Writes what a batch came to, a statement for each table: the facts, the balances they sum up to, the work they leave. */
export async function writeBatch(sql: Sql, books: Books): Promise<void> {
  const { writes } = books
  const at = toRfc3339(books.now)
  await insert(sql, 'transfer', writes.transfers.map(transferRow))
  await insert(sql, 'entry', writes.entries.map(entryRow))
  await insert(
    sql,
    'hold_resolution',
    writes.resolutions.map(({ hold, outcome, captured, by }) => {
      return { hold, outcome, captured, resolved_by: by, resolved_at: at }
    }),
  )
  await insert(sql, 'reversal', writes.reversals)
  await insert(
    sql,
    'operation',
    writes.operations.map(({ id, member, transfer, request: { owner, key } }) => {
      return { id, owner, key, member, transfer, created_at: at }
    }),
  )
  await insert(
    sql,
    'operation_state',
    writes.states.map((state) => ({ ...state, at })),
  )
  await insert(
    sql,
    'answer',
    writes.answers.map(({ request: { owner, key, digest }, answer }) => {
      return { owner, key, request_digest: digest, answer, at }
    }),
  )
  await updateBalances(sql, books)
  await writeWork(sql, writes, at)
}

async function updateBalances(sql: Sql, books: Books): Promise<void> {
  const changed = new Set(books.writes.entries.map(({ account }) => account))
  if (changed.size === 0) return
  const rows = [...changed].map((account) => ({ account, ...books.balance(account) }))
  await sql.query(
    `UPDATE balance SET version = after.version, posted = after.posted, pending = after.pending
     FROM jsonb_to_recordset($1::jsonb) AS after (account text, version bigint, posted bigint, pending bigint)
     WHERE balance.account = after.account`,
    [toJson(rows)],
  )
}

async function writeWork(sql: Sql, writes: Books['writes'], at: string): Promise<void> {
  const timers = writes.transfers.flatMap(({ id, hold }) =>
    hold === null ? [] : [{ hold: id, expires_at: toRfc3339(hold.expiresAt) }],
  )
  const accepted = writes.accepted.map((command) => {
    return { operation: command.operation, command: toWritten(command), at }
  })
  await insert(sql, 'hold_timer', timers)
  await insert(sql, 'accepted_command', accepted)
  const resolved = writes.resolutions.map(({ hold }) => hold)
  if (resolved.length > 0) await sql.query('DELETE FROM hold_timer WHERE hold = ANY($1)', [resolved])
  if (writes.done.length > 0) await sql.query('DELETE FROM accepted_command WHERE operation = ANY($1)', [writes.done])
}

type Table =
  | 'transfer'
  | 'entry'
  | 'hold_resolution'
  | 'reversal'
  | 'operation'
  | 'operation_state'
  | 'answer'
  | 'hold_timer'
  | 'accepted_command'

/** Inserts rows whose keys are the table's columns, in one statement; a column that is left out is null. */
async function insert(sql: Sql, table: Table, rows: readonly object[]): Promise<void> {
  if (rows.length === 0) return
  await sql.query(`INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1::json)`, [
    toJson(rows),
  ])
}

/** A bigint as its decimal text, which the column's type reads exactly; a JSON number would be a double. */
function toJson(rows: readonly object[]): string {
  return JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
}

function transferRow(transfer: Transfer) {
  const { id, kind, from, to, amount, reference, maker, operation, assessment, receipt, hold, reverses } = transfer
  return {
    ...{ id, kind, debit: from, credit: to, currency: amount.currency, amount: amount.minor, reference, maker },
    ...{ operation, assessment, receipt, reverses, created_at: toRfc3339(transfer.createdAt) },
    held_by: hold?.by ?? null,
    expires_at: hold === null ? null : toRfc3339(hold.expiresAt),
  }
}

function entryRow({ recordedAt, ...entry }: Entry): Omit<Entry, 'recordedAt'> & { readonly recorded_at: string } {
  return { ...entry, recorded_at: toRfc3339(recordedAt) }
}
