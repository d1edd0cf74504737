import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import { type Currency, type Money, money } from '../../../kernel/money.ts'
import { legIdsOf } from '../../../kernel/operation-id.ts'
import type { Sql } from '../../../platform/database.ts'
import type { TraceContext } from '../../../platform/trace-context.ts'
import type { Traced } from '../../../platform/traced-events.ts'
import type { Crossing, Leg, TransferCommand } from '../commands.ts'
import { readTransfers } from './transfers.ts'

/** Open holds whose time is over, the longest overdue first. */
export async function dueHolds(sql: Sql, now: Instant, limit: number): Promise<readonly string[]> {
  const rows = await sql.query<{ hold: string }>(
    'SELECT hold FROM hold_timer WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2',
    [toRfc3339(now), limit],
  )
  return rows.map(({ hold }) => hold)
}

/** Open holds of reviews that were made before a time, in the order of their transfers. */
export async function listHeld(
  sql: Sql,
  before: Instant,
  after: string,
  limit: number,
): Promise<readonly { readonly transfer: string; readonly heldAt: Instant; readonly expiresAt: Instant }[]> {
  return sql.query(
    `SELECT hold AS transfer, created_at AS "heldAt", t.expires_at AS "expiresAt"
     FROM hold_timer JOIN transfer AS t ON t.id = hold
     WHERE held_by = 'review' AND created_at <= $1 AND hold > $2 ORDER BY hold LIMIT $3`,
    [toRfc3339(before), after, limit],
  )
}

/**
 * Commands that were accepted and not run yet, by the shard of their payer, up to so many of each but those that are spent: the
 * oldest of each member, then the second of each, and so on.
 */
export async function listAccepted(
  sql: Sql,
  spent: readonly number[],
  ofEachMax: number,
): Promise<ReadonlyMap<number, readonly TransferCommand[]>> {
  const rows = await sql.query<{ shard: number; command: WrittenCommand }>(
    `SELECT shard, command FROM (
       SELECT *, row_number() OVER (PARTITION BY shard ORDER BY nth, at, operation) AS place FROM (
         SELECT coalesce(shard, 0) AS shard, command, at, operation,
           row_number() OVER (PARTITION BY ${OWNER} ORDER BY at, operation) AS nth
         FROM accepted_command LEFT JOIN account ON account.id = command ->> 'from') AS waiting
       WHERE shard <> ALL ($1::smallint[])) AS ordered
     WHERE place <= $2 ORDER BY shard, place`,
    [spent.map(String), ofEachMax],
  )
  const byShard = Map.groupBy(rows, ({ shard }) => Number(shard))
  return new Map([...byShard].map(([shard, all]) => [shard, all.map(({ command }) => fromWritten(command))]))
}

const OWNER = "command -> 'by' ->> 'id'"

/** How many accepted commands there are, by whose they are, and by the shard of their payer. */
export type CountedCommands = { readonly ofOwner: Map<string, number>; readonly ofShard: Map<number, number> }

export async function countAccepted(sql: Sql): Promise<CountedCommands> {
  const rows = await sql.query<{ owner: string; shard: number; count: bigint }>(
    `SELECT ${OWNER} AS owner, coalesce(shard, 0) AS shard, count(*) AS count
     FROM accepted_command LEFT JOIN account ON account.id = command ->> 'from' GROUP BY 1, 2`,
  )
  const counted: CountedCommands = { ofOwner: new Map(), ofShard: new Map() }
  for (const { owner, shard, count } of rows) {
    counted.ofOwner.set(owner, (counted.ofOwner.get(owner) ?? 0) + Number(count))
    counted.ofShard.set(Number(shard), (counted.ofShard.get(Number(shard)) ?? 0) + Number(count))
  }
  return counted
}

/** A command in the table: JSON has no bigint. */
export type WrittenCommand = Omit<TransferCommand, 'amount' | 'legs' | 'terms'> & {
  readonly amount: WrittenMoney
  /** Absent in what was written before there were legs. */
  readonly legs?: readonly (Omit<Leg, 'amount'> & { readonly amount: WrittenMoney })[]
}
type WrittenMoney = { readonly currency: Money['currency']; readonly minor: string }

export function toWritten({ terms: _, ...command }: TransferCommand): WrittenCommand {
  const legs = command.legs.map((leg) => ({ ...leg, amount: writtenMoney(leg.amount) }))
  return { ...command, run: 'accepted', amount: writtenMoney(command.amount), legs }
}

function fromWritten(command: WrittenCommand): TransferCommand {
  const legs = (command.legs ?? []).map((leg) => ({ ...leg, amount: readMoney(leg.amount) }))
  return { ...command, amount: readMoney(command.amount), legs, terms: 'unknown' }
}

function writtenMoney({ currency, minor }: Money): WrittenMoney {
  return { currency, minor: minor.toString() }
}

function readMoney({ currency, minor }: WrittenMoney): Money {
  return money(currency, BigInt(minor))
}

/** Crossings that have waited since before a time, the longest first. */
export async function listCrossings(sql: Sql, before: Instant, limit: number): Promise<readonly Crossing[]> {
  const rows = await sql.query(
    'SELECT crossing.*, legs FROM crossing JOIN transfer ON id = transfer WHERE at <= $1 ORDER BY at LIMIT $2',
    [toRfc3339(before), limit],
  )
  const ids = rows.flatMap(({ transfer, legs }) => legIdsOf(transfer as string, Number(legs ?? 0)))
  const found = ids.length === 0 ? [] : await readTransfers(sql, ids)
  const legs = new Map(
    found.map(({ transfer: { id, from, to, amount, effectiveAt } }) => {
      return [id, { transfer: id, from, to, amount, effectiveAt }]
    }),
  )
  return rows.map((row) => {
    const { owner, key, digest } = row as { owner: string | null; key: string | null; digest: string | null }
    const transfer = row['transfer'] as string
    const [from, to] = [row['payer'] as string, row['payee'] as string]
    const amount = money(row['currency'] as Currency, row['amount'] as bigint)
    const parts = legIdsOf(transfer, Number(row['legs'] ?? 0)).flatMap((id) => legs.get(id) ?? [])
    const own = { transfer, from, to, amount, effectiveAt: row['effective_at'] as Instant | null }
    const request = owner === null || key === null || digest === null ? null : { owner, key, digest }
    return { ...own, legs: parts.length === 0 ? [own] : parts, request }
  })
}

/** What a review has decided on a transfer. */
export type Decided = Traced & { readonly transfer: string; readonly approved: boolean; readonly review: string }

/** Writes a decision down, to be carried out; while one waits for its transfer, a later one changes nothing. */
export async function keepDecision(sql: Sql, event: string, decided: Decided, now: Instant): Promise<void> {
  const { transfer, approved, review, trace } = decided
  await sql.query(
    `INSERT INTO decision (event, transfer, approved, review, at, trace)
     SELECT $1::text, $2::text, $3::boolean, $4::text, $5::timestamptz, $6::jsonb
     WHERE NOT EXISTS (SELECT FROM decision WHERE transfer = $2) ON CONFLICT DO NOTHING`,
    [event, transfer, approved, review, toRfc3339(now), trace === undefined ? null : JSON.stringify(trace)],
  )
}

/** Decisions that were not carried out yet, oldest first. */
export async function listDecisions(sql: Sql, limit: number): Promise<readonly Decided[]> {
  const text = 'SELECT transfer, approved, review, trace FROM decision ORDER BY at, event LIMIT $1'
  const rows = await sql.query<Omit<Decided, 'trace'> & { readonly trace: TraceContext | null }>(text, [limit])
  return rows.map(({ trace, ...decided }) => (trace === null ? decided : { ...decided, trace }))
}
