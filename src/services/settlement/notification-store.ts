import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import type { Sql } from '../../platform/database.ts'

export type StoredNotification = {
  readonly id: Id<'notification'>
  readonly digest: string
  readonly account: string
  readonly name: string
  readonly lines: number
  /** Payouts that it was the first to tell of. */
  readonly paid: number
  /** Payouts that it says came back; the statement gives them back. */
  readonly returned: number
  readonly importedBy: string
  readonly importedAt: Instant
}

const SELECT = `SELECT id, digest, account, name, lines, paid, returned, imported_by AS "importedBy",
  imported_at AS "importedAt" FROM bank_notification`

type Row = Omit<StoredNotification, 'lines' | 'paid' | 'returned'> & Record<'lines' | 'paid' | 'returned', bigint>

async function selectOne(sql: Sql, column: 'id' | 'digest', value: string): Promise<StoredNotification | null> {
  const [row] = await sql.query<Row>(`${SELECT} WHERE ${column} = $1`, [value])
  if (row === undefined) return null
  return { ...row, lines: Number(row.lines), paid: Number(row.paid), returned: Number(row.returned) }
}

export const findNotification = (sql: Sql, id: string): Promise<StoredNotification | null> => selectOne(sql, 'id', id)
export const findByDigest = (sql: Sql, digest: string): Promise<StoredNotification | null> =>
  selectOne(sql, 'digest', digest)

/** Lets one import of the same bytes at a time go on. `raw`: gzipped. False when they are there. */
export async function insertNotification(
  sql: Sql,
  { id, digest, account, name, lines, importedBy, importedAt }: Omit<StoredNotification, 'paid' | 'returned'>,
  raw: Uint8Array,
): Promise<boolean> {
  const rows = await sql.query(
    `INSERT INTO bank_notification (id, digest, raw, account, name, lines, imported_by, imported_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (digest) DO NOTHING RETURNING id`,
    [id, digest, raw, account, name, lines, importedBy, toRfc3339(importedAt)],
  )
  return rows.length > 0
}

export async function countTold(sql: Sql, id: string, paid: number, returned: number): Promise<void> {
  await sql.query('UPDATE bank_notification SET paid = $2, returned = $3 WHERE id = $1', [id, paid, returned])
}

type Told = { readonly currency: string; readonly amounts: ReadonlyMap<string, bigint> }

/**
 * Confirms our payouts of just these amounts, but not while a person looks at them; the statement brings them again, and moves
 * none of them twice.
 * @returns how many payouts it was the first to tell of
 */
export async function confirmTold(
  sql: Sql,
  { notification, currency, amounts }: Told & { readonly notification: string },
  now: Instant,
): Promise<number> {
  await sql.query('SELECT FROM payout WHERE id = ANY($1) ORDER BY id FOR UPDATE', [[...amounts.keys()]])
  const rows = await sql.query(
    `UPDATE payout SET state = 'confirming', told_in = coalesce(told_in, $1), next_try_at = $2, tries = 0
     FROM unnest($3::text[], $4::text[]) AS told (reference, amount)
     WHERE payout.id = told.reference AND payout.currency = $5 AND payout.amount = told.amount::numeric
       AND state IN ('sent', 'paid') AND broken_in IS NULL AND missing_in IS NULL
     RETURNING payout.id`,
    [notification, toRfc3339(now), [...amounts.keys()], [...amounts.values()].map(String), currency],
  )
  return rows.length
}

/** How many of our payouts these amounts are; nothing is done with them, as no statement is held against a notification. */
export async function countReturned(sql: Sql, { currency, amounts }: Told): Promise<number> {
  const [row] = await sql.query<{ count: bigint }>(
    `SELECT count(*) AS count FROM unnest($1::text[], $2::text[]) AS told (reference, amount)
     JOIN payout ON payout.id = told.reference AND payout.currency = $3 AND payout.amount = told.amount::numeric`,
    [[...amounts.keys()], [...amounts.values()].map(String), currency],
  )
  return Number(row?.count ?? 0)
}
