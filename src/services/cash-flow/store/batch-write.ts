import { toRfc3339 } from '../../../kernel/clock.ts'
import type { Batch } from '../append.ts'
import type { Books } from '../books.ts'
import type { Crossing } from '../commands.ts'
import type { Spent } from '../limits.ts'
import type { CreditLine, Entry, Transfer } from '../model.ts'
import type { Writes } from '../writes.ts'
import { columnsOf, type FactRow, type FactTable, together } from './columns.ts'
import { toWritten } from './work.ts'

/** Facts that a batch adds, by table, and the balances that they sum up to. */
export type Facts = Batch['facts']
type WorkTable = 'hold_timer' | 'in_transit' | 'accepted_command' | 'crossing'

/** The facts that a batch comes to in one shard, and the balances that they sum up to. */
export function factsOf(books: Books, writes: Writes): Facts {
  const rows: Record<FactTable | 'balance', readonly FactRow[]> = {
    transfer: writes.transfers.map(transferRow),
    entry: writes.entries.map(entryRow),
    hold_resolution: writes.resolutions.map(({ hold, outcome, captured, by }) => {
      return { hold, outcome, captured, resolved_by: by }
    }),
    reversal: writes.reversals,
    withdrawal_end: writes.withdrawalEnds,
    arrival: writes.arrivals.map((transfer) => ({ transfer })),
    credit_line: writes.creditLines.map(creditLineRow),
    exchange: writes.exchanges.map(({ id, transfers, rate, rateVersion }) => {
      return { id, ...transfers, rate, rate_version: rateVersion }
    }),
    operation: writes.operations.map(({ id, member, transfer, request: { owner, key } }) => {
      return { id, owner, key, member, transfer }
    }),
    operation_state: writes.states,
    answer: writes.answers.map(({ request: { owner, key, digest }, answer }) => {
      return { owner, key, request_digest: digest, answer }
    }),
    balance: balanceRows(books, writes),
  }
  const added = (Object.keys(rows) as (keyof typeof rows)[]).filter((table) => rows[table].length > 0)
  return new Map(added.map((table) => [table, columnsOf(table, rows[table])]))
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

function transferRow(transfer: Transfer) {
  const { id, kind, from, to, amount, reference, maker, operation, assessment, receipt, hold, reverses } = transfer
  const { partOf, legs, request, fee, judgedBy } = transfer
  return {
    id,
    kind,
    debit: from,
    credit: to,
    currency: amount.currency,
    amount: amount.minor,
    reference,
    maker,
    operation,
    assessment,
    receipt,
    reverses,
    part_of: partOf,
    legs: legs.length === 0 ? null : legs.length,
    key: request?.key ?? null,
    request_digest: request?.digest ?? null,
    fee: fee?.amount.minor ?? null,
    fee_product: fee?.product ?? null,
    fee_version: fee?.version ?? null,
    product_version: judgedBy?.version ?? null,
    held_by: hold?.by ?? null,
    expires_at: hold === null ? null : toRfc3339(hold.expiresAt),
    effective_at: transfer.effectiveAt === null ? null : toRfc3339(transfer.effectiveAt),
  }
}

function entryRow(entry: Entry) {
  const { id, account, shard, version, transfer, phase, direction, amount, posted, pending, effectiveAt } = entry
  const effective_at = effectiveAt === null ? null : toRfc3339(effectiveAt)
  return { account, version, id, transfer, phase, direction, amount, posted, pending, shard, effective_at }
}

function creditLineRow({ account, version, amount, reason, setBy, afterVersion }: CreditLine) {
  return {
    account,
    version,
    amount: amount.minor,
    reason,
    set_by: setBy,
    after_version: afterVersion,
  }
}

function balanceRows(books: Books, writes: Writes) {
  return [...books.changed([writes])].map(([account, { version, posted, pending, spent }]) => {
    return { account, version, posted, pending, ...(spent === null ? {} : spentRow(spent)) }
  })
}

function spentRow({ day, month }: Spent) {
  const since = { day_from: toRfc3339(day.from), month_from: toRfc3339(month.from) }
  return { ...since, day_spent: day.minor, month_spent: month.minor }
}

function crossingRow({ transfer, from, to, amount, request, effectiveAt }: Crossing, at: string) {
  return {
    effective_at: effectiveAt === null ? null : toRfc3339(effectiveAt),
    ...{ transfer, payer: from, payee: to, currency: amount.currency, amount: amount.minor, at },
    ...{ owner: request?.owner ?? null, key: request?.key ?? null, digest: request?.digest ?? null },
  }
}
