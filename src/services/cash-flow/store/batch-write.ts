import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import type { Sql } from '../../../platform/database.ts'
import type { Books } from '../books.ts'
import type { Crossing } from '../commands.ts'
import type { Entry, Transfer } from '../model.ts'
import { toWritten } from './work.ts'

/** Facts that a batch adds, as rows by table, each table's a JSON array as text. */
export type Facts = ReadonlyMap<FactTable | 'balance', string>

const FACT_TABLES = [
  'transfer',
  'entry',
  'hold_resolution',
  'reversal',
  'arrival',
  'operation',
  'operation_state',
  'answer',
] as const
type FactTable = (typeof FACT_TABLES)[number]
type WorkTable = 'hold_timer' | 'accepted_command' | 'crossing'

/** The facts that a batch comes to, and the balances that they sum up to. */
export function factsOf(books: Books): Facts {
  const { writes } = books
  const at = toRfc3339(books.now)
  const rows: Record<FactTable | 'balance', readonly object[]> = {
    transfer: writes.transfers.map(transferRow),
    entry: writes.entries.map(entryRow),
    hold_resolution: writes.resolutions.map(({ hold, outcome, captured, by }) => {
      return { hold, outcome, captured, resolved_by: by, resolved_at: at }
    }),
    reversal: writes.reversals,
    arrival: writes.arrivals.map((transfer) => ({ transfer, at })),
    operation: writes.operations.map(({ id, member, transfer, request: { owner, key } }) => {
      return { id, owner, key, member, transfer, created_at: at }
    }),
    operation_state: writes.states.map((state) => ({ ...state, at })),
    answer: writes.answers.map(({ request: { owner, key, digest }, answer }) => {
      return { owner, key, request_digest: digest, answer, at }
    }),
    balance: balanceRows(books),
  }
  return new Map(
    Object.entries(rows).flatMap(([table, added]) =>
      added.length === 0 ? [] : [[table as FactTable | 'balance', toJson(added)]],
    ),
  )
}

/** The facts as one text, to be hashed and kept. */
export function bodyOf(facts: Facts): string {
  return `{${[...facts].map(([table, rows]) => `"${table}":${rows}`).join(',')}}`
}

/** Writes what a batch came to, a statement for each table: the facts, the balances they sum up to, the work they leave. */
export async function writeBatch(sql: Sql, books: Books, facts: Facts): Promise<void> {
  for (const table of FACT_TABLES) await insert(sql, table, facts.get(table))
  const balances = facts.get('balance')
  if (balances !== undefined) {
    await sql.query(
      `UPDATE balance SET version = after.version, posted = after.posted, pending = after.pending
       FROM json_to_recordset($1::json) AS after (account text, version bigint, posted bigint, pending bigint)
       WHERE balance.account = after.account`,
      [balances],
    )
  }
  await writeWork(sql, books.writes, books.now)
}

async function writeWork(sql: Sql, writes: Books['writes'], now: Instant): Promise<void> {
  const at = toRfc3339(now)
  const timers = writes.transfers.flatMap(({ id, hold }) =>
    hold === null ? [] : [{ hold: id, expires_at: toRfc3339(hold.expiresAt) }],
  )
  const accepted = writes.accepted.map((command) => {
    return { operation: command.operation, command: toWritten(command), at }
  })
  await insert(sql, 'hold_timer', rowsOf(timers))
  await insert(sql, 'accepted_command', rowsOf(accepted))
  await insert(sql, 'crossing', rowsOf(writes.crossings.map((crossing) => crossingRow(crossing, at))))
  const resolved = writes.resolutions.map(({ hold }) => hold)
  await remove(sql, 'hold_timer', 'hold', resolved)
  await remove(sql, 'accepted_command', 'operation', writes.done)
  await remove(sql, 'crossing', 'transfer', writes.completed)
  await remove(sql, 'decision', 'transfer', writes.decided)
}

/** Inserts rows whose keys are the table's columns, in one statement; a column that is left out is null. */
async function insert(sql: Sql, table: FactTable | WorkTable, rows: string | undefined): Promise<void> {
  if (rows === undefined) return
  await sql.query(`INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1::json)`, [rows])
}

async function remove(sql: Sql, table: WorkTable | 'decision', by: string, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await sql.query(`DELETE FROM ${table} WHERE ${by} = ANY($1)`, [keys])
}

function rowsOf(rows: readonly object[]): string | undefined {
  return rows.length === 0 ? undefined : toJson(rows)
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

function balanceRows(books: Books) {
  return [...books.changed()].map(([account, { version, posted, pending }]) => ({ account, version, posted, pending }))
}

function crossingRow({ transfer, from, to, amount, request }: Crossing, at: string) {
  return {
    ...{ transfer, payer: from, payee: to, currency: amount.currency, amount: amount.minor, at },
    ...{ owner: request?.owner ?? null, key: request?.key ?? null, digest: request?.digest ?? null },
  }
}
