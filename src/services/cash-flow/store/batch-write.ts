import { toRfc3339 } from '../../../kernel/clock.ts'
import type { Sql, SqlValue } from '../../../platform/database.ts'
import type { Batch } from '../append.ts'
import type { Books } from '../books.ts'
import type { Crossing } from '../commands.ts'
import type { CreditLine, Entry, Transfer } from '../model.ts'
import { setFloors } from './credit-lines.ts'
import { toWritten } from './work.ts'

/** Facts that a batch adds, as rows by table, each table's a JSON array as text. */
export type Facts = ReadonlyMap<FactTable | 'balance', string>

type FactTable =
  | 'transfer'
  | 'entry'
  | 'hold_resolution'
  | 'reversal'
  | 'withdrawal_end'
  | 'arrival'
  | 'credit_line'
  | 'operation'
  | 'operation_state'
  | 'answer'
type WorkTable = 'hold_timer' | 'in_transit' | 'accepted_command' | 'crossing'

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
    withdrawal_end: writes.withdrawalEnds,
    arrival: writes.arrivals.map((transfer) => ({ transfer, at })),
    credit_line: writes.creditLines.map(creditLineRow),
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

/**
 * Writes what a batch came to: the facts, the balances they sum up to, the work they leave. All that is added goes in one
 * statement, since a way to the store and back costs as much as many rows; foreign keys are looked at when it ends.
 */
export async function writeBatch(sql: Sql, { facts, work, done }: Batch): Promise<void> {
  const added = [...facts, ...work] as (readonly [FactTable | 'balance' | WorkTable, string])[]
  const lines = facts.get('credit_line')
  if (lines !== undefined) await setFloors(sql, lines)
  await all(
    sql,
    added.map(([table, rows]) => [table === 'balance' ? SET_BALANCES : insertInto(table), rows]),
  )
  // A statement of its own: it may take away what the one before has added.
  await all(
    sql,
    [...done].map(([table, keys]) => [removeFrom(table), keys]),
  )
}

const SET_BALANCES = `UPDATE balance SET version = after.version, posted = after.posted, pending = after.pending
  FROM json_to_recordset($1::json) AS after (account text, version bigint, posted bigint, pending bigint)
  WHERE balance.account = after.account`

/** Inserts rows whose keys are the table's columns; a column that is left out is null. */
const insertInto = (table: FactTable | WorkTable): string =>
  `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1::json)`

/** The column by which a row leaves its list. */
const KEYS: Readonly<Record<string, string>> = {
  hold_timer: 'hold',
  in_transit: 'withdrawal',
  accepted_command: 'operation',
  crossing: 'transfer',
  decision: 'transfer',
}

const removeFrom = (table: string): string => `DELETE FROM ${table} WHERE ${KEYS[table]} = ANY($1)`

/** Runs the changes, each with its own value as $1, as one statement. None sees what another one does. */
async function all(sql: Sql, changes: readonly (readonly [text: string, value: SqlValue])[]): Promise<void> {
  if (changes.length === 0) return
  const parts = changes.map(([text], index) => `part${index} AS (${text.replaceAll('$1', () => `$${index + 1}`)})`)
  await sql.query(
    `WITH ${parts.join(', ')} SELECT 1`,
    changes.map(([, value]) => value),
  )
}

/** Rows that a batch adds to the lists of work to do. */
export function workOf({ writes, now }: Books): Batch['work'] {
  const at = toRfc3339(now)
  const timers = writes.transfers.flatMap(({ id, hold }) =>
    hold === null ? [] : [{ hold: id, expires_at: toRfc3339(hold.expiresAt) }],
  )
  const accepted = writes.accepted.map((command) => {
    return { operation: command.operation, command: toWritten(command), at }
  })
  const inTransit = writes.transfers.flatMap(({ id, kind }) => (kind === 'withdrawal' ? [{ withdrawal: id, at }] : []))
  const crossings = writes.crossings.map((crossing) => crossingRow(crossing, at))
  const rows: Record<WorkTable, readonly object[]> = {
    hold_timer: timers,
    in_transit: inTransit,
    accepted_command: accepted,
    crossing: crossings,
  }
  return new Map(
    Object.entries(rows).flatMap(([table, added]) => (added.length === 0 ? [] : [[table, toJson(added)] as const])),
  )
}

/** Keys of the work that a batch has done. */
export function doneIn({ writes: { resolutions, withdrawalEnds, done, completed, decided } }: Books): Batch['done'] {
  const keys = {
    hold_timer: resolutions.map(({ hold }) => hold),
    in_transit: withdrawalEnds.map(({ withdrawal }) => withdrawal),
    accepted_command: done,
    crossing: completed,
    decision: decided,
  }
  return new Map(Object.entries(keys).filter(([, removed]) => removed.length > 0))
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

function creditLineRow({ account, version, amount, reason, setBy, afterVersion, at }: CreditLine) {
  return {
    account,
    version,
    amount: amount.minor,
    reason,
    set_by: setBy,
    after_version: afterVersion,
    at: toRfc3339(at),
  }
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
