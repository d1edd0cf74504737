import { toRfc3339 } from '../../../kernel/clock.ts'
import type { Sql, SqlValue } from '../../../platform/database.ts'
import type { Batch } from '../append.ts'
import type { Books } from '../books.ts'
import type { Crossing } from '../commands.ts'
import type { CreditLine, Entry, Transfer } from '../model.ts'
import type { Writes } from '../writes.ts'
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
  | 'exchange'
  | 'operation'
  | 'operation_state'
  | 'answer'
type WorkTable = 'hold_timer' | 'in_transit' | 'accepted_command' | 'crossing'

/** The facts that a batch comes to in one shard, and the balances that they sum up to. */
export function factsOf(books: Books, writes: Writes): Facts {
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
    exchange: writes.exchanges.map(({ id, transfers, rate, rateVersion }) => {
      return { id, ...transfers, rate, rate_version: rateVersion, at }
    }),
    operation: writes.operations.map(({ id, member, transfer, request: { owner, key } }) => {
      return { id, owner, key, member, transfer, created_at: at }
    }),
    operation_state: writes.states.map((state) => ({ ...state, at })),
    answer: writes.answers.map(({ request: { owner, key, digest }, answer }) => {
      return { owner, key, request_digest: digest, answer, at }
    }),
    balance: balanceRows(books, writes),
  }
  return new Map(
    Object.entries(rows).flatMap(([table, added]) =>
      added.length === 0 ? [] : [[table as FactTable | 'balance', toJson(added)]],
    ),
  )
}

/** The facts of all shards together. */
export function allOf(facts: readonly Facts[]): Facts {
  const rows = new Map<FactTable | 'balance', string[]>()
  for (const [table, added] of facts.flatMap((each) => [...each])) {
    rows.set(table, [...(rows.get(table) ?? []), added.slice(1, -1)])
  }
  return new Map([...rows].map(([table, added]) => [table, `[${added.join(',')}]`]))
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
export function workOf(books: Books): Batch['work'] {
  const at = toRfc3339(books.now)
  const rows: Record<WorkTable, object[]> = { hold_timer: [], in_transit: [], accepted_command: [], crossing: [] }
  for (const { transfers, accepted, crossings } of books.writes.values()) {
    for (const { id, hold, kind } of transfers) {
      if (kind === 'withdrawal') rows.in_transit.push({ withdrawal: id, at })
      if (hold !== null) rows.hold_timer.push({ hold: id, expires_at: toRfc3339(hold.expiresAt) })
    }
    for (const command of accepted) {
      rows.accepted_command.push({ operation: command.operation, command: toWritten(command), at })
    }
    for (const crossing of crossings) rows.crossing.push(crossingRow(crossing, at))
  }
  return new Map(
    Object.entries(rows).flatMap(([table, added]) => (added.length === 0 ? [] : [[table, toJson(added)] as const])),
  )
}

/** Keys of the work that a batch has done. */
export function doneIn(books: Books): Batch['done'] {
  const writes = [...books.writes.values()]
  const keys = {
    hold_timer: writes.flatMap(({ resolutions }) => resolutions.map(({ hold }) => hold)),
    in_transit: writes.flatMap(({ withdrawalEnds }) => withdrawalEnds.map(({ withdrawal }) => withdrawal)),
    accepted_command: writes.flatMap(({ done }) => done),
    crossing: writes.flatMap(({ completed }) => completed),
    decision: writes.flatMap(({ decided }) => decided),
  }
  return new Map(Object.entries(keys).filter(([, removed]) => removed.length > 0))
}

/** A bigint as its decimal text, which the column's type reads exactly; a JSON number would be a double. */
function toJson(rows: readonly object[]): string {
  return JSON.stringify(rows, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value))
}

function transferRow(transfer: Transfer) {
  const { id, kind, from, to, amount, reference, maker, operation, assessment, receipt, hold, reverses, partOf } =
    transfer
  return {
    ...{ id, kind, debit: from, credit: to, currency: amount.currency, amount: amount.minor, reference, maker },
    ...{ operation, assessment, receipt, reverses, created_at: toRfc3339(transfer.createdAt) },
    part_of: partOf,
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

function balanceRows(books: Books, writes: Writes) {
  const changed = [...books.changed([writes])]
  return changed.map(([account, { version, posted, pending }]) => ({ account, version, posted, pending }))
}

function crossingRow({ transfer, from, to, amount, request }: Crossing, at: string) {
  return {
    ...{ transfer, payer: from, payee: to, currency: amount.currency, amount: amount.minor, at },
    ...{ owner: request?.owner ?? null, key: request?.key ?? null, digest: request?.digest ?? null },
  }
}
