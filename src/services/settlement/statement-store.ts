import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import type { Currency } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import type { StatementLine } from './bank-entry.ts'
import type { Statement } from './statement.ts'

export type Imported = {
  readonly id: Id<'statement'>
  readonly digest: string
  /** The bytes as they came, gzipped. */
  readonly raw: Uint8Array
  readonly by: string
  readonly at: Instant
}

const LINES_AT_ONCE = 2_000

/** The reconciliation of the statement with these bytes; null when they are new. */
export async function findByDigest(sql: Sql, digest: string): Promise<string | null> {
  const [row] = await sql.query<{ id: string }>(
    `SELECT reconciliation.id FROM bank_statement AS stored
     JOIN reconciliation ON reconciliation.statement = stored.id WHERE stored.digest = $1`,
    [digest],
  )
  return row?.id ?? null
}

/** The reconciliation of another record that the bank gave this name; null when there is none. */
export async function findByName(sql: Sql, { account, name }: Statement): Promise<string | null> {
  const [row] = await sql.query<{ id: string }>(
    `SELECT reconciliation.id FROM bank_statement AS stored
     JOIN reconciliation ON reconciliation.statement = stored.id WHERE stored.account = $1 AND stored.name = $2`,
    [account, name],
  )
  return row?.id ?? null
}

/** Keeps the bytes and what they say; false when another import of them was faster. */
export async function insertStatement(sql: Sql, imported: Imported, statement: Statement): Promise<boolean> {
  const { account, name, currency, from, to, opening, closing, lines } = statement
  const rows = await sql.query(
    `INSERT INTO bank_statement
       (id, digest, raw, account, name, currency, from_at, to_at, opening, closing, lines, follows, imported_by, imported_at, gzipped)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9::numeric, $10::numeric, $11, coalesce((
       SELECT before.closing = $9::numeric FROM bank_statement AS before
       WHERE before.account = $4 AND before.currency = $6 AND before.to_at <= $8::timestamptz ORDER BY before.to_at DESC LIMIT 1), true), $12, $13, true
     ON CONFLICT DO NOTHING RETURNING id`,
    [
      imported.id,
      imported.digest,
      imported.raw,
      account,
      name,
      currency,
      toRfc3339(from),
      toRfc3339(to),
      String(opening),
      String(closing),
      lines.length,
      imported.by,
      toRfc3339(imported.at),
    ],
  )
  if (rows.length === 0) return false
  for (let at = 0; at < lines.length; at += LINES_AT_ONCE) {
    await insertLines(sql, imported.id, lines.slice(at, at + LINES_AT_ONCE))
    await nextTurn() // an embedded store leaves nobody else a turn
  }
  return true
}

async function insertLines(sql: Sql, statement: string, lines: readonly StatementLine[]): Promise<void> {
  await sql.query(
    `INSERT INTO statement_line (statement, number, direction, amount, booked_on, reference, party, returned)
     SELECT $1, number::bigint, direction, amount::bigint, booked_on, nullif(reference, ''), nullif(party, ''), returned::boolean
     FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
       AS line (number, direction, amount, booked_on, reference, party, returned)`,
    [
      statement,
      lines.map(({ number }) => String(number)),
      lines.map(({ direction }) => direction),
      lines.map(({ amount }) => String(amount)),
      lines.map(({ bookedOn }) => bookedOn),
      lines.map(({ reference }) => reference ?? ''),
      lines.map(({ party }) => party ?? ''),
      lines.map(({ returned }) => String(returned)),
    ],
  )
}

type LineRow = {
  readonly number: bigint
  readonly direction: 'debit' | 'credit'
  readonly amount: string
  readonly bookedOn: string
  readonly reference: string | null
  readonly party: string | null
  readonly returned: boolean
  readonly isDone: boolean
}

/** A line, and whether a match or a break has it. */
export type LineRead = StatementLine & { readonly isDone: boolean }

function toLine({ number, amount, ...row }: LineRow): LineRead {
  return { ...row, number: Number(number), amount: BigInt(amount) }
}

/** Lines of the statement from an index, in its order, and only then whether they have a result: each by itself. */
async function readLines(
  sql: Sql,
  statement: string,
  { where, order }: { readonly where: string; readonly order: string },
  value: string | bigint,
  limit: number,
): Promise<LineRead[]> {
  const rows = await sql.query<LineRow>(
    `SELECT line.number, line.direction, line.amount::text, line.booked_on AS "bookedOn", line.reference, line.party,
       line.returned, coalesce(result.is_done, false) AS "isDone"
     FROM (SELECT * FROM statement_line WHERE statement = $1 AND ${where} ORDER BY ${order} LIMIT $3) AS line
     LEFT JOIN LATERAL (SELECT true AS is_done FROM line_result AS result
       WHERE result.statement = $1 AND result.number = line.number LIMIT 1) AS result ON true
     ORDER BY ${order}`,
    [statement, value, limit],
  )
  return rows.map(toLine)
}

type Key = 'reference' | 'party'

/** Lines of the statement with a reference or a party above `after`, by it; the last group may be cut. */
export function linesBy(sql: Sql, key: Key, statement: string, after: string, limit: number): Promise<LineRead[]> {
  return readLines(sql, statement, { where: `${key} > $2`, order: `${key}, number` }, after, limit)
}

/** Lines of the statement with this reference or party. */
export function linesOf(sql: Sql, key: Key, statement: string, value: string, limit: number): Promise<LineRead[]> {
  return readLines(sql, statement, { where: `${key} = $2`, order: 'number' }, value, limit)
}

/** Lines numbered above `after`. */
export function linesAfter(sql: Sql, statement: string, after: bigint, limit: number): Promise<LineRead[]> {
  return readLines(sql, statement, { where: 'number > $2', order: 'number' }, after, limit)
}

export type StoredStatement = {
  readonly id: string
  readonly digest: string
  readonly account: string
  readonly name: string
  readonly currency: Currency
  readonly from: Instant
  readonly to: Instant
  readonly opening: bigint
  readonly closing: bigint
  readonly lines: number
  readonly follows: boolean
  readonly importedBy: string
  readonly importedAt: Instant
}

export async function findStatement(sql: Sql, id: string): Promise<StoredStatement | null> {
  const [row] = await sql.query<Record<'opening' | 'closing', string> & Record<string, unknown>>(
    `SELECT id, digest, account, name, currency, from_at AS "from", to_at AS "to", opening::text, closing::text, lines,
       follows, imported_by AS "importedBy", imported_at AS "importedAt" FROM bank_statement WHERE id = $1`,
    [id],
  )
  if (row === undefined) return null
  const [opening, closing, lines] = [BigInt(row.opening), BigInt(row.closing), Number(row['lines'])]
  return { ...row, opening, closing, lines } as StoredStatement
}
