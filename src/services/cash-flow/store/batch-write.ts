import { toRfc3339 } from '../../../kernel/clock.ts'
import type { Batch } from '../append.ts'
import type { Books } from '../books.ts'
import type { Crossing } from '../commands.ts'
import type { Writes } from '../writes.ts'
import { type Columns, columnsOf, type FactTable, together } from './columns.ts'
import {
  ANSWER,
  ARRIVAL,
  BALANCE,
  CREDIT_LINE,
  ENTRY,
  EXCHANGE,
  HOLD_RESOLUTION,
  OPERATION,
  OPERATION_STATE,
  REVERSAL,
  TRANSFER,
  WITHDRAWAL_END,
} from './readings.ts'
import { toWritten } from './work.ts'

/** Facts that a batch adds, by table, and the balances that they sum up to. */
export type Facts = Batch['facts']
type WorkTable = 'hold_timer' | 'in_transit' | 'accepted_command' | 'crossing'

/** The facts that a batch comes to in one shard, and the balances that they sum up to. */
export function factsOf(books: Books, writes: Writes): Facts {
  const columns: Record<FactTable | 'balance', Columns> = {
    transfer: columnsOf(writes.transfers, TRANSFER),
    entry: columnsOf(writes.entries, ENTRY),
    hold_resolution: columnsOf(writes.resolutions, HOLD_RESOLUTION),
    reversal: columnsOf(writes.reversals, REVERSAL),
    withdrawal_end: columnsOf(writes.withdrawalEnds, WITHDRAWAL_END),
    arrival: columnsOf(writes.arrivals, ARRIVAL),
    credit_line: columnsOf(writes.creditLines, CREDIT_LINE),
    exchange: columnsOf(writes.exchanges, EXCHANGE),
    operation: columnsOf(writes.operations, OPERATION),
    operation_state: columnsOf(writes.states, OPERATION_STATE),
    answer: columnsOf(writes.answers, ANSWER),
    balance: columnsOf([...books.changed([writes])], BALANCE),
  }
  const added = (Object.keys(columns) as (keyof typeof columns)[]).filter((table) => columns[table].rows > 0)
  return new Map(added.map((table) => [table, columns[table]]))
}

/** The facts of all shards together. */
export function allOf(facts: readonly Facts[]): Facts {
  const tables = new Set(facts.flatMap((each) => [...each.keys()]))
  return new Map([...tables].map((table) => [table, together(facts.flatMap((each) => each.get(table) ?? []))]))
}

/** The facts as one text, to be hashed and kept. */
export function bodyOf(facts: Facts): string {
  const tables = [...facts].map(([table, { rows, elements }]) => [table, { rows, ...elements }] as const)
  return JSON.stringify(Object.fromEntries(tables))
}

/** Rows that a batch adds to the lists of work to do. */
export function workOf(books: Books): Batch['work'] {
  const at = toRfc3339(books.now)
  const rows: Record<WorkTable, object[]> = { hold_timer: [], in_transit: [], accepted_command: [], crossing: [] }
  for (const { transfers, accepted, crossings } of books.writes.values()) {
    for (const { id, hold, kind, partOf } of transfers) {
      if (kind === 'withdrawal') rows.in_transit.push({ withdrawal: id, at })
      if (hold !== null && partOf === null) rows.hold_timer.push({ hold: id, expires_at: toRfc3339(hold.expiresAt) })
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

function crossingRow({ transfer, from, to, amount, request, effectiveAt }: Crossing, at: string) {
  return {
    effective_at: effectiveAt === null ? null : toRfc3339(effectiveAt),
    ...{ transfer, payer: from, payee: to, currency: amount.currency, amount: amount.minor, at },
    ...{ owner: request?.owner ?? null, key: request?.key ?? null, digest: request?.digest ?? null },
  }
}
