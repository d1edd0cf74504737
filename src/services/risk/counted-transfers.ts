import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import type { Money } from '../../kernel/money.ts'
import { legIdsOf } from '../../kernel/operation-id.ts'
import type { Sql } from '../../platform/database.ts'
import type { Assessment } from './store.ts'

/*
 * What velocity is counted on. A transfer stands here from when it is asked for, each leg by itself, and from then on it is what
 * cash flow's log says of it. Each word has the same effect told twice, and whichever comes first: what has moved stays moved.
 */

type CountedState = 'let_pass' | 'held' | 'moved' | 'refused'

/** To whom a transfer that is asked for goes; itself, where it has no legs. */
export type AskedParts = {
  readonly parts: readonly { readonly to: string; readonly amount: Money }[]
  readonly hasLegs: boolean
}

const STATES = { accept: 'let_pass', review: 'let_pass', hold: 'held', reject: 'refused' } as const satisfies Record<
  Assessment['outcome'],
  CountedState
>

/** Writes down what was asked for, in the transaction that decides on it; of legs each, in their order. */
export async function countAsked(
  sql: Sql,
  transfer: Id<'transfer'>,
  { member, outcome, facts, at }: Pick<Assessment, 'member' | 'outcome' | 'facts' | 'at'>,
  { parts, hasLegs }: AskedParts,
): Promise<void> {
  const ids = hasLegs ? legIdsOf(transfer, parts.length) : [transfer]
  const device = facts.device.id === '' ? null : facts.device.id
  await sql.query(
    `INSERT INTO counted_transfer (part, transfer, member, device, state, asked_at, at, payee, currency, minor)
     SELECT part, $2, $3, $4, $5, $6::timestamptz, $6::timestamptz, payee, currency, minor::bigint
     FROM unnest($1::text[], $7::text[], $8::text[], $9::text[]) AS asked (part, payee, currency, minor)
     ON CONFLICT (part) DO UPDATE SET device = EXCLUDED.device`, // told of before: only we know the device
    [
      ...[ids, transfer, member, device, STATES[outcome], toRfc3339(at)],
      ...[parts.map(({ to }) => to), parts.map(({ amount }) => amount.currency)],
      parts.map(({ amount }) => String(amount.minor)),
    ],
  )
}

/** Asked again for what was let pass long ago, and nothing was heard of since: it may move now. */
export async function countAskedAgain(sql: Sql, transfer: string, now: Instant): Promise<void> {
  await sql.query(
    `UPDATE counted_transfer SET at = greatest(at, $2)
     WHERE (part = $1 OR (transfer = $1 AND transfer <> part)) AND state = 'let_pass'`,
    [transfer, toRfc3339(now)],
  )
}

/** People let a held transfer pass. */
export async function countApproved(sql: Sql, transfer: string, now: Instant): Promise<void> {
  await sql.query(
    `UPDATE counted_transfer SET state = 'let_pass', at = greatest(asked_at, $2)
     WHERE (part = $1 OR (transfer = $1 AND transfer <> part)) AND state = 'held'`,
    [transfer, toRfc3339(now)],
  )
}

/** What cash flow tells of money that has moved; `partOf`: the transfer whose leg it is. */
export type Moved = {
  readonly transfer: string
  readonly partOf: string | null
  readonly payer: string
  readonly payee: string
  /** What was captured, where that is less than was reserved. */
  readonly amount: Money
  readonly at: Instant
}

/** They have moved, whether anybody asked us or not. */
export async function countMoved(sql: Sql, moved: readonly Moved[]): Promise<void> {
  const each = [...new Map(moved.map((one) => [one.transfer, one])).values()] // told twice: once
  if (each.length === 0) return
  await sql.query(
    `INSERT INTO counted_transfer (part, transfer, member, payee, currency, minor, state, asked_at, at)
     SELECT part, transfer, member, payee, currency, minor::bigint, 'moved', at::timestamptz, at::timestamptz
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
       AS told (part, transfer, member, payee, currency, minor, at)
     ON CONFLICT (part) DO UPDATE SET state = 'moved', minor = EXCLUDED.minor,
       payer = nullif(EXCLUDED.member, counted_transfer.member), at = greatest(counted_transfer.asked_at, EXCLUDED.at)`,
    [
      each.map(({ transfer }) => transfer),
      each.map(({ transfer, partOf }) => partOf ?? transfer),
      each.map(({ payer }) => payer),
      each.map(({ payee }) => payee),
      each.map(({ amount }) => amount.currency),
      each.map(({ amount }) => String(amount.minor)),
      each.map(({ at }) => toRfc3339(at)),
    ],
  )
  // What was asked for before legs were counted each by itself stands as a whole.
  const wholes = [...new Set(each.flatMap(({ partOf }) => partOf ?? []))]
  if (wholes.length > 0) await sql.query('DELETE FROM counted_transfer WHERE part = ANY($1::text[])', [wholes])
}

/** They will not move: they were refused, or what was reserved for them is released. */
export async function countRefused(sql: Sql, transfers: readonly string[]): Promise<void> {
  if (transfers.length === 0) return
  await sql.query(
    `UPDATE counted_transfer SET state = 'refused'
     WHERE (part = ANY($1::text[]) OR (transfer = ANY($1::text[]) AND transfer <> part)) AND state IN ('let_pass', 'held')`,
    [transfers],
  )
}

/** Their payees have given them back, or an operator has: the transfers, each with when. */
export async function countTakenBack(sql: Sql, parts: ReadonlyMap<string, Instant>): Promise<void> {
  if (parts.size === 0) return
  await sql.query(
    `INSERT INTO taken_back (part, at) SELECT part, at::timestamptz FROM unnest($1::text[], $2::text[]) AS told (part, at)
     ON CONFLICT DO NOTHING`,
    [[...parts.keys()], [...parts.values()].map(toRfc3339)],
  )
}

/** Lets go what no window reaches any more. @returns how many rows went, at most `limit` of each table */
export async function forgetBefore(sql: Sql, before: Instant, limit: number): Promise<number> {
  let gone = 0
  for (const table of ['counted_transfer', 'taken_back']) {
    const rows = await sql.query(
      `DELETE FROM ${table} WHERE part = ANY(ARRAY(SELECT part FROM ${table} WHERE at < $1 LIMIT $2)) RETURNING part`,
      [toRfc3339(before), limit],
    )
    gone = Math.max(gone, rows.length)
  }
  return gone
}
