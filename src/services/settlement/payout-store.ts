import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { type Id, newId } from '../../kernel/id.ts'
import { type Currency, type Money, money } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import type { Batch, Came, Payout, PayoutState } from './model.ts'

/** What is to be done in the ledger for a payout, and how often it was tried. */
export type LedgerStep = {
  readonly id: Id<'payout'>
  readonly batch: Id<'settlementBatch'>
  readonly member: string
  /** Which account it is paid from; null where the batch knows none. */
  readonly account: string | null
  /** What it is of, or what came back of it. */
  readonly amount: Money
  readonly state: 'pending' | 'confirming' | 'rejecting' | 'returning'
  readonly withdrawal: string | null
  /** A statement or a notification has told that the bank paid it. */
  readonly matched: boolean
  readonly reason: string
  readonly tries: number
}

/** A payout of each share. */
export async function insertPayouts(
  sql: Sql,
  { id, member, currency }: Pick<Batch, 'id' | 'member' | 'currency'>,
  shares: readonly Came[],
  now: Instant,
): Promise<void> {
  await sql.query(
    `INSERT INTO payout (id, batch, member, currency, state, next_try_at, account, amount, carried)
     SELECT share.id, $1, $2, $3, 'pending', $4, nullif(share.account, ''), share.amount::numeric, share.carried = 'yes'
     FROM unnest($5::text[], $6::text[], $7::text[], $8::text[]) AS share (id, account, amount, carried)`,
    [
      id,
      member,
      currency,
      toRfc3339(now),
      shares.map(() => newId('payout', now)),
      shares.map(({ account }) => account ?? ''),
      shares.map(({ minor }) => String(minor)),
      shares.map(({ carried }) => (carried ? 'yes' : 'no')),
    ],
  )
}

/** Of each batch. */
const LISTED_MAX = 100

type PayoutRow = Omit<Payout, 'amount'> & { batch: string; currency: Currency; minor: string }

/** The largest payouts of each of these batches, largest first. */
export async function payoutsOfBatches(
  sql: Sql,
  batches: readonly string[],
): Promise<ReadonlyMap<string, readonly Payout[]>> {
  const rows = await sql.query<PayoutRow>(
    `SELECT batch, id, account, currency, amount::text AS minor, state,
       CASE WHEN state IN ('rejecting', 'refused') THEN last_error ELSE '' END AS reason
     FROM (SELECT *, row_number() OVER (PARTITION BY batch ORDER BY amount DESC, account, id) AS place FROM payout
           WHERE batch = ANY($1)) AS payout
     WHERE place <= $2 ORDER BY batch, place`,
    [batches, LISTED_MAX],
  )
  const byBatch = Map.groupBy(rows, ({ batch }) => batch)
  return new Map([...byBatch].map(([batch, all]) => [batch, all.map(toPayout)]))
}

function toPayout({ id, account, currency, minor, state, reason }: PayoutRow): Payout {
  return { id, account, amount: money(currency, BigInt(minor)), state, reason }
}

/** Lets one change of these batches' payouts at a time go on: what a batch has come to depends on all of its. */
export async function lockPayoutsOf(sql: Sql, batches: readonly string[]): Promise<void> {
  await sql.query('SELECT FROM payout WHERE batch = ANY($1) ORDER BY id FOR UPDATE', [batches])
}

export async function payoutStatesOf(sql: Sql, batch: string): Promise<readonly PayoutState[]> {
  const rows = await sql.query<{ state: PayoutState }>('SELECT state FROM payout WHERE batch = $1', [batch])
  return rows.map(({ state }) => state)
}

type StepRow = Omit<LedgerStep, 'amount'> & { currency: Currency; minor: string }

export async function selectLedgerSteps(sql: Sql, now: Instant, limit: number): Promise<LedgerStep[]> {
  const rows = await sql.query<StepRow>(
    `SELECT id, batch, tries, state, account, withdrawal, currency,
       coalesce(came_back, amount)::text AS minor, last_error AS reason,
       coalesce(matched_in, told_in, return_in) IS NOT NULL AS matched, member
     FROM payout
     WHERE state IN ('pending', 'confirming', 'rejecting', 'returning') AND next_try_at <= $1
     ORDER BY next_try_at LIMIT $2`,
    [toRfc3339(now), limit],
  )
  return rows.map(({ currency, minor, ...row }) => ({ ...row, amount: money(currency, BigInt(minor)) }))
}

export type Wait = { readonly error: string; readonly wasAsked: boolean; readonly nextTryAt: Instant }

export async function postponePayout(sql: Sql, { id, state }: LedgerStep, nextTryAt: Instant): Promise<void> {
  await sql.query('UPDATE payout SET tries = tries + 1, next_try_at = $3 WHERE id = $1 AND state = $2', [
    id,
    state,
    toRfc3339(nextTryAt),
  ])
}

/** Moves a payout on from where it was; false when something else did before. */
export async function movePayout(
  sql: Sql,
  id: string,
  from: readonly PayoutState[],
  to: { readonly state: PayoutState; readonly withdrawal?: string; readonly reason?: string; readonly at: Instant },
): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE payout SET state = $3, withdrawal = coalesce($4, withdrawal), last_error = coalesce($5, last_error), tries = 0,
       next_try_at = $6 WHERE id = $1 AND state = ANY($2) RETURNING id`,
    [id, from, to.state, to.withdrawal ?? null, to.reason ?? null, toRfc3339(to.at)],
  )
  return rows.length > 0
}

export type BookedPayout = {
  readonly id: string
  readonly account: string
  readonly member: string
  readonly amount: Money
}

/** Payouts of one currency that no file has, oldest first, locked: two processes make no two files of them. */
export async function lockBooked(sql: Sql, limit: number): Promise<BookedPayout[]> {
  const rows = await sql.query<{ id: string; account: string; member: string; currency: Currency; minor: string }>(
    `SELECT id, account, member, currency, amount::text AS minor FROM payout
     WHERE state = 'booked' AND currency = (SELECT currency FROM payout WHERE state = 'booked' ORDER BY id LIMIT 1)
     ORDER BY id LIMIT $1 FOR UPDATE`,
    [limit],
  )
  return rows.map(({ currency, minor, ...row }) => ({ ...row, amount: money(currency, BigInt(minor)) }))
}

export type FileToSend = { readonly id: string; readonly xml: Uint8Array }

export async function insertFile(
  sql: Sql,
  file: { readonly id: string; readonly currency: string; readonly digest: string; readonly xml: Uint8Array },
  payouts: readonly string[],
  now: Instant,
): Promise<void> {
  await sql.query(
    `INSERT INTO payment_file (id, currency, digest, xml, state, next_try_at, created_at)
     VALUES ($1, $2, $3, $4, 'pending', $5, $5)`,
    [file.id, file.currency, file.digest, file.xml, toRfc3339(now)],
  )
  await sql.query("UPDATE payout SET state = 'sent', file = $2, sent_at = $3 WHERE id = ANY($1) AND state = 'booked'", [
    payouts,
    file.id,
    toRfc3339(now),
  ])
}

export function selectFilesToSend(sql: Sql, now: Instant, limit: number): Promise<FileToSend[]> {
  return sql.query<FileToSend>(
    `SELECT id, xml FROM payment_file WHERE state = 'pending' AND next_try_at <= $1 ORDER BY next_try_at LIMIT $2`,
    [toRfc3339(now), limit],
  )
}

/**
 * Counts a send before it is made, so that one which a killed process made is known of.
 * @returns how many there were before; null: the file is over
 */
export async function countSend(sql: Sql, id: string): Promise<number | null> {
  const [row] = await sql.query<{ tries: number }>(
    "UPDATE payment_file SET tries = tries + 1 WHERE id = $1 AND state = 'pending' RETURNING tries - 1 AS tries",
    [id],
  )
  return row?.tries ?? null
}

/** False when another answer was recorded before. */
export async function postponeFile(sql: Sql, id: string, { error, wasAsked, nextTryAt }: Wait): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE payment_file SET tries = tries - $4, next_try_at = $3, last_error = $2 WHERE id = $1 AND state = 'pending'
     RETURNING id`,
    [id, error, toRfc3339(nextTryAt), wasAsked ? 0 : 1],
  )
  return rows.length > 0
}

/** False when another answer was recorded before. */
export async function finishFile(sql: Sql, id: string, state: 'answered' | 'refused', error: string): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE payment_file SET state = $2, last_error = $3 WHERE id = $1 AND state = 'pending' RETURNING id`,
    [id, state, error],
  )
  return rows.length > 0
}

export type SentPayout = Pick<LedgerStep, 'id' | 'batch' | 'member' | 'account' | 'amount'> & {
  readonly state: PayoutState
}

export async function selectPayoutsOf(sql: Sql, file: string): Promise<SentPayout[]> {
  const rows = await sql.query<Omit<SentPayout, 'amount'> & { currency: Currency; minor: string }>(
    `SELECT id, batch, member, account, state, currency, amount::text AS minor FROM payout WHERE file = $1 ORDER BY id`,
    [file],
  )
  return rows.map(({ currency, minor, ...row }) => ({ ...row, amount: money(currency, BigInt(minor)) }))
}

export type StoredFile = {
  readonly id: string
  readonly currency: string
  readonly digest: string
  readonly xml: Uint8Array
  readonly state: 'pending' | 'answered' | 'refused'
  readonly payouts: readonly string[]
  readonly createdAt: Instant
}

export async function findFile(sql: Sql, id: string): Promise<StoredFile | null> {
  const [row] = await sql.query<Omit<StoredFile, 'payouts'>>(
    'SELECT id, currency, digest, xml, state, created_at AS "createdAt" FROM payment_file WHERE id = $1',
    [id],
  )
  if (row === undefined) return null
  return { ...row, payouts: (await selectPayoutsOf(sql, id)).map((payout) => payout.id) }
}
