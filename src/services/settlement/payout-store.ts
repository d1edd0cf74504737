import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import { type Currency, type Money, money } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'

/** What is to be done in the ledger for a payout, and how often it was tried. */
export type LedgerStep = {
  readonly id: Id<'payout'>
  readonly batch: Id<'settlementBatch'>
  readonly member: string
  /** Which account it is paid from; null where the batch knows none. */
  readonly account: string | null
  readonly amount: Money
  readonly state: 'pending' | 'confirming' | 'rejecting' | 'returning'
  readonly withdrawal: string | null
  /** A statement has told that the bank paid it. */
  readonly matched: boolean
  readonly reason: string
  readonly tries: number
}

export type PayoutState =
  | 'pending'
  | 'booked'
  | 'sent'
  | 'paid'
  | LedgerStep['state']
  | 'settled'
  | 'refused'
  | 'returned'

export async function insertPayout(
  sql: Sql,
  payout: {
    readonly id: Id<'payout'>
    readonly batch: string
    readonly account: string | null
    readonly amount: Money
  },
  now: Instant,
): Promise<void> {
  const { id, batch, account, amount } = payout
  await sql.query(
    `INSERT INTO payout (id, batch, state, next_try_at, account, currency, amount)
     VALUES ($1, $2, 'pending', $3, $4, $5, $6::numeric)`,
    [id, batch, toRfc3339(now), account, amount.currency, String(amount.minor)],
  )
}

type StepRow = Omit<LedgerStep, 'amount'> & { currency: Currency; minor: string }

export async function selectLedgerSteps(sql: Sql, now: Instant, limit: number): Promise<LedgerStep[]> {
  const rows = await sql.query<StepRow>(
    `SELECT payout.id, payout.batch, payout.tries, payout.state, payout.account, payout.withdrawal, payout.currency,
       payout.amount::text AS minor, payout.last_error AS reason, payout.matched_in IS NOT NULL AS matched, batch.member
     FROM payout JOIN settlement_batch AS batch ON batch.id = payout.batch
     WHERE payout.state IN ('pending', 'confirming', 'rejecting', 'returning') AND payout.next_try_at <= $1
     ORDER BY payout.next_try_at LIMIT $2`,
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
    `SELECT payout.id, payout.account, batch.member, payout.currency, payout.amount::text AS minor
     FROM payout JOIN settlement_batch AS batch ON batch.id = payout.batch
     WHERE payout.state = 'booked' AND payout.currency = (
       SELECT currency FROM payout WHERE state = 'booked' ORDER BY id LIMIT 1)
     ORDER BY payout.id LIMIT $1 FOR UPDATE OF payout`,
    [limit],
  )
  return rows.map(({ currency, minor, ...row }) => ({ ...row, amount: money(currency, BigInt(minor)) }))
}

export type FileToSend = { readonly id: string; readonly xml: Uint8Array; readonly tries: number }

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
    `SELECT id, xml, tries FROM payment_file WHERE state = 'pending' AND next_try_at <= $1 ORDER BY next_try_at LIMIT $2`,
    [toRfc3339(now), limit],
  )
}

export async function postponeFile(sql: Sql, id: string, { error, wasAsked, nextTryAt }: Wait): Promise<void> {
  await sql.query(
    `UPDATE payment_file SET tries = tries + $4, next_try_at = $3, last_error = $2 WHERE id = $1 AND state = 'pending'`,
    [id, error, toRfc3339(nextTryAt), wasAsked ? 1 : 0],
  )
}

/** False when another answer was recorded before. */
export async function finishFile(sql: Sql, id: string, state: 'answered' | 'refused', error: string): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE payment_file SET state = $2, tries = tries + 1, last_error = $3 WHERE id = $1 AND state = 'pending' RETURNING id`,
    [id, state, error],
  )
  return rows.length > 0
}

export type SentPayout = Pick<LedgerStep, 'id' | 'batch' | 'member' | 'amount'>

export async function selectPayoutsOf(sql: Sql, file: string): Promise<SentPayout[]> {
  const rows = await sql.query<Omit<SentPayout, 'amount'> & { currency: Currency; minor: string }>(
    `SELECT payout.id, payout.batch, batch.member, payout.currency, payout.amount::text AS minor
     FROM payout JOIN settlement_batch AS batch ON batch.id = payout.batch WHERE payout.file = $1 ORDER BY payout.id`,
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
