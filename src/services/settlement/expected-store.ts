import { toRfc3339 } from '../../kernel/clock.ts'
import type { Currency } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import type { Expected, Named, Returnable } from './matching.ts'
import type { Reconciliation } from './reconciliation-store.ts'

/** The bank was asked for it, and no statement has told of it so far; two people have not given it back meanwhile either. */
const AWAITED = `matched_in IS NULL AND broken_in IS NULL AND (state IN ('sent', 'paid')
  OR told_in IS NOT NULL AND NOT (missing_in IS NOT NULL AND state IN ('returning', 'returned')))`

type Locked = Returnable & {
  readonly file: string
  readonly isAwaited: boolean
  /** It is at the bank, as far as we know. */
  readonly isOut: boolean
}

/**
 * These payouts, by id, as they are until the page is done: what people approve, a notification tells or the bank answers waits
 * for it, or was before it. All are locked in the order of their ids, so that nobody waits in a circle.
 */
async function lockSent(sql: Sql, currency: Currency, ids: readonly string[]): Promise<readonly Locked[]> {
  const rows = await sql.query<Omit<Locked, 'amount'> & { amount: string }>(
    `SELECT id AS payout, amount::text, coalesce(account, '') AS account, file,
       to_char(sent_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS "sentOn", (${AWAITED}) AS "isAwaited",
       state NOT IN ('returning', 'returned') AND matched_in IS NOT NULL AS "isPaid",
       state IN ('sent', 'paid', 'confirming', 'settled') AND return_in IS NULL AS "isOut"
     FROM payout WHERE id = ANY($1) AND currency = $2 AND file IS NOT NULL ORDER BY id FOR UPDATE`,
    [ids, currency],
  )
  return rows.map(({ amount, ...row }) => ({ ...row, amount: BigInt(amount) }))
}

async function idsIn(sql: Sql, files: readonly string[]): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>('SELECT id FROM payout WHERE file = ANY($1)', [files])
  return rows.map(({ id }) => id)
}

/** What each of these references names, if it is a payout's id. */
export async function namedBy(
  sql: Sql,
  currency: Currency,
  references: readonly string[],
): Promise<ReadonlyMap<string, Named>> {
  const payouts = await lockSent(sql, currency, references)
  return new Map(payouts.map((payout) => [payout.payout, namedIn([payout])]))
}

/** What each of these references names, if it is a file's id: what is left of the file. */
export async function namedByFile(
  sql: Sql,
  currency: Currency,
  references: readonly string[],
): Promise<ReadonlyMap<string, Named>> {
  const payouts = await lockSent(sql, currency, await idsIn(sql, references))
  return new Map([...Map.groupBy(payouts, ({ file }) => file)].map(([file, all]) => [file, namedIn(all)]))
}

function namedIn(payouts: readonly Locked[]): Named {
  const awaited = payouts.filter(({ isAwaited }) => isAwaited)
  return awaited.length === 0 ? { kind: 'over' } : { kind: 'awaited', payouts: awaited }
}

/** What may come back under each of these references, ids of payouts or of files. */
export async function returnableBy(
  sql: Sql,
  currency: Currency,
  references: readonly string[],
): Promise<ReadonlyMap<string, readonly Returnable[]>> {
  const inFiles = await idsIn(sql, references)
  const out = (await lockSent(sql, currency, [...references, ...inFiles])).filter(({ isOut }) => isOut)
  const byThemselves = new Set(references)
  const others = out.filter(({ payout }) => !byThemselves.has(payout))
  return new Map<string, readonly Returnable[]>([
    ...out.map((one) => [one.payout, [one]] as const),
    ...Map.groupBy(others, ({ file }) => file),
  ])
}

const AWAITED_BY_PARTIES_MAX = 20_000

/** What these accounts are still to be paid. */
export async function awaitedBy(
  sql: Sql,
  currency: Currency,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, readonly Expected[]>> {
  const rows = await sql.query<{ id: string }>(
    `SELECT id FROM payout WHERE account = ANY($1) AND currency = $2 AND ${AWAITED} ORDER BY id LIMIT $3`,
    [accounts, currency, AWAITED_BY_PARTIES_MAX],
  )
  const payouts = await lockSent(
    sql,
    currency,
    rows.map(({ id }) => id),
  )
  return Map.groupBy(
    payouts.filter(({ isAwaited }) => isAwaited),
    ({ account }) => account,
  )
}

/**
 * Payouts above `after` that were sent before the statement ended, and that no statement has told of and no break is about;
 * `next`: up to where there may be more.
 */
export async function notTold(
  sql: Sql,
  { currency, to }: Reconciliation,
  after: string,
  limit: number,
): Promise<{ readonly payouts: readonly Expected[]; readonly next: string | null }> {
  const rows = await sql.query<{ id: string }>(
    `SELECT id FROM payout
     WHERE currency = $1 AND id > $2 AND sent_at <= $3 AND ${AWAITED} AND missing_in IS NULL ORDER BY id LIMIT $4`,
    [currency, after, toRfc3339(to), limit],
  )
  const payouts = await lockSent(
    sql,
    currency,
    rows.map(({ id }) => id),
  )
  return {
    payouts: payouts.filter(({ isAwaited }) => isAwaited),
    next: rows.length < limit ? null : (rows.at(-1)?.id ?? null),
  }
}
