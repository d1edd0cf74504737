import { assert } from '../../kernel/assert.ts'
import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import type { Currency } from '../../kernel/money.ts'
import type { Row, Sql } from '../../platform/database.ts'
import { closeMissing } from './break-store.ts'
import type { Difference, Match } from './matching.ts'
import { giveBackEarlier } from './return-store.ts'

/** Payments by our own ids first, what a file's sum is then left to be, and what came back after all that was paid. */
export const PASSES = ['reference', 'file', 'party', 'return', 'rest', 'missing', 'done'] as const
export type Pass = (typeof PASSES)[number]

/** How far the matching of one statement has come. */
export type Reconciliation = {
  readonly id: string
  readonly statement: string
  readonly currency: Currency
  readonly pass: Pass
  /** What the pass has gone through up to here. */
  readonly after: string
  readonly lines: { readonly all: number; readonly matched: number; readonly broken: number }
  readonly payouts: { readonly matched: number; readonly broken: number }
  readonly follows: boolean
  readonly to: Instant
  readonly startedAt: Instant
  readonly finishedAt: Instant | null
}

const SELECT = `SELECT reconciliation.id, statement, pass, after, matched_lines, broken_lines, matched_payouts, broken_payouts,
  started_at, finished_at, stored.currency, stored.lines, stored.follows, stored.to_at
  FROM reconciliation JOIN bank_statement AS stored ON stored.id = reconciliation.statement`

export async function insertReconciliation(sql: Sql, statement: string, now: Instant): Promise<string> {
  const id = newId('reconciliation', now)
  await sql.query(
    "INSERT INTO reconciliation (id, statement, pass, after, started_at) VALUES ($1, $2, 'reference', '', $3)",
    [id, statement, toRfc3339(now)],
  )
  return id
}

export async function findReconciliation(sql: Sql, id: string): Promise<Reconciliation | null> {
  const [row] = await sql.query(`${SELECT} WHERE reconciliation.id = $1`, [id])
  return row === undefined ? null : toReconciliation(row)
}

/**
 * Each page is found by an index, and what it is joined with as well. The lines are new and nobody has counted them (the
 * embedded store never does by itself), so that the planner would guess, and read all of them for each page.
 */
const BY_INDEX = ['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin', 'sort']
  .map((way) => `set_config('enable_${way}', 'off', true)`)
  .join(', ')

/** The oldest that is not finished, locked: one page at a time is matched, by whichever process. */
export async function lockOldestRunning(sql: Sql): Promise<Reconciliation | null> {
  await sql.query(`SELECT ${BY_INDEX}`)
  const [row] = await sql.query(
    `${SELECT} WHERE finished_at IS NULL ORDER BY reconciliation.id LIMIT 1 FOR UPDATE OF reconciliation`,
  )
  return row === undefined ? null : toReconciliation(row)
}

/** Newest first, with an id below `before` where that is not null. */
export async function listReconciliations(sql: Sql, before: string | null, limit: number): Promise<Reconciliation[]> {
  const rows = await sql.query(
    `${SELECT} WHERE ($1::text IS NULL OR reconciliation.id < $1) ORDER BY reconciliation.id DESC LIMIT $2`,
    [before, limit],
  )
  return rows.map(toReconciliation)
}

export async function moveOn(
  sql: Sql,
  { id }: Reconciliation,
  { pass, after }: { readonly pass: Pass; readonly after: string },
  now: Instant,
): Promise<void> {
  await sql.query(
    `UPDATE reconciliation SET pass = $2, after = $3, finished_at = CASE WHEN $2 = 'done' THEN $4::timestamptz END WHERE id = $1`,
    [id, pass, after, toRfc3339(now)],
  )
}

function toReconciliation(row: Row): Reconciliation {
  return {
    id: row['id'] as string,
    statement: row['statement'] as string,
    currency: row['currency'] as Currency,
    pass: row['pass'] as Pass,
    after: row['after'] as string,
    lines: {
      all: Number(row['lines']),
      matched: Number(row['matched_lines']),
      broken: Number(row['broken_lines']),
    },
    payouts: { matched: Number(row['matched_payouts']), broken: Number(row['broken_payouts']) },
    follows: row['follows'] as boolean,
    to: row['to_at'] as Instant,
    startedAt: row['started_at'] as Instant,
    finishedAt: row['finished_at'] as Instant | null,
  }
}

/** Writes down what a page of lines and payouts came to, and sets going what that asks of the ledger. */
export async function keepFound(
  sql: Sql,
  of: Reconciliation,
  found: { readonly matches: readonly Match[]; readonly differences: readonly Difference[] },
  owner: string,
  now: Instant,
): Promise<void> {
  const told = [...found.matches, ...found.differences].flatMap(({ payouts }) => payouts)
  assert(new Set(told).size === told.length, 'a payout is in one result of a page')
  const matches = found.matches.map((match) => ({ ...match, id: newId('match', now) }))
  const differences = found.differences.map((difference) => ({ ...difference, id: newId('break', now) }))
  await insertMatches(sql, of, matches, now)
  await insertBreaks(sql, of, differences, owner, now)
  const linesIn = (all: readonly { readonly lines: readonly number[] }[]) =>
    all.reduce((sum, { lines }) => sum + lines.length, 0)
  const paid = matches.filter(({ rule }) => rule !== 'return')
  await sql.query(
    `UPDATE reconciliation SET matched_lines = matched_lines + $2, broken_lines = broken_lines + $3,
       matched_payouts = matched_payouts + $4, broken_payouts = broken_payouts + $5 WHERE id = $1`,
    [
      of.id,
      linesIn(matches),
      linesIn(differences),
      paid.reduce((sum, { payouts }) => sum + payouts.length, 0),
      differences.reduce((sum, { kind, payouts }) => sum + (kind === 'returned' ? 0 : payouts.length), 0),
    ],
  )
}

type WithId<T> = T & { readonly id: string }

async function insertMatches(
  sql: Sql,
  { id, statement }: Reconciliation,
  matches: readonly WithId<Match>[],
  now: Instant,
): Promise<void> {
  if (matches.length === 0) return
  await sql.query(
    `INSERT INTO reconciliation_match (id, reconciliation, rule)
     SELECT id, $1, rule FROM unnest($2::text[], $3::text[]) AS match (id, rule)`,
    [id, matches.map((match) => match.id), matches.map(({ rule }) => rule)],
  )
  await insertResults(sql, statement, 'match', matches)
  const paid = matches.filter(({ rule }) => rule !== 'return')
  const payouts = paid.flatMap((match) => match.payouts)
  await sql.query(
    `UPDATE payout SET matched_in = told.match, ${movedFrom("'sent', 'paid'", 'confirming')}
     FROM unnest($1::text[], $2::text[]) AS told (payout, match) WHERE payout.id = told.payout`,
    [payouts, paid.flatMap((match) => match.payouts.map(() => match.id)), toRfc3339(now)],
  )
  await closeMissing(sql, payouts, arrivedOn(statement), now)
  await giveBackEarlier(sql, payouts, statement, now)
  const back = matches.filter(({ rule }) => rule === 'return')
  if (back.length === 0) return
  await sql.query(
    `UPDATE payout SET return_in = told.match, ${movedFrom("'confirming', 'settled'", 'returning')}
     FROM unnest($1::text[], $2::text[]) AS told (payout, match) WHERE payout.id = told.payout`,
    [back.flatMap(({ payouts }) => payouts), back.flatMap((one) => one.payouts.map(() => one.id)), toRfc3339(now)],
  )
}

/** Sets going what is to be done in the ledger, at the time $3, unless a notification did. */
const movedFrom = (states: string, to: 'confirming' | 'returning'): string =>
  `state = CASE WHEN state IN (${states}) THEN '${to}' ELSE state END,
   next_try_at = CASE WHEN state IN (${states}) THEN $3::timestamptz ELSE next_try_at END`

async function insertBreaks(
  sql: Sql,
  { id, statement, currency }: Reconciliation,
  breaks: readonly WithId<Difference>[],
  owner: string,
  now: Instant,
): Promise<void> {
  if (breaks.length === 0) return
  const ids = breaks.map((one) => one.id)
  await sql.query(
    `INSERT INTO reconciliation_break (id, reconciliation, kind, currency, expected, actual, opened_at, reference)
     SELECT id, $1, kind, $2, expected::numeric, actual::numeric, $3, nullif(reference, '')
     FROM unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
       AS one (id, kind, expected, actual, reference)`,
    [
      id,
      currency,
      toRfc3339(now),
      ids,
      breaks.map(({ kind }) => kind),
      breaks.map(({ expected }) => String(expected)),
      breaks.map(({ actual }) => String(actual)),
      breaks.map(({ kind, payouts }) => (kind === 'returned' ? (payouts[0] ?? '') : '')),
    ],
  )
  await sql.query(
    `INSERT INTO break_step (break, version, state, owner, actor, reason, at)
     SELECT id, 1, 'open', $2, 'settlement', '', $3 FROM unnest($1::text[]) AS one (id)`,
    [ids, owner, toRfc3339(now)],
  )
  await insertResults(sql, statement, 'break', breaks)
  const different = breaks.filter(({ kind }) => kind === 'different')
  for (const column of ['missing_in', 'broken_in'] as const) {
    const about = column === 'broken_in' ? different : breaks.filter(({ kind }) => kind === 'missing')
    await sql.query(
      `UPDATE payout SET ${column} = about.break FROM unnest($1::text[], $2::text[]) AS about (payout, break)
       WHERE id = about.payout`,
      [about.flatMap(({ payouts }) => payouts), about.flatMap((one) => one.payouts.map(() => one.id))],
    )
  }
  const told = different.flatMap(({ payouts }) => payouts)
  await closeMissing(sql, told, arrivedOn(statement), now)
}

function arrivedOn(statement: string) {
  return { resolution: 'arrived_later', reason: `on the statement ${statement}` } as const
}

async function insertResults(
  sql: Sql,
  statement: string,
  column: 'match' | 'break',
  all: readonly WithId<{ readonly lines: readonly number[] }>[],
): Promise<void> {
  await sql.query(
    `INSERT INTO line_result (statement, number, ${column})
     SELECT $1, number::bigint, result FROM unnest($2::text[], $3::text[]) AS line (number, result)`,
    [statement, all.flatMap(({ lines }) => lines.map(String)), all.flatMap(({ lines, id }) => lines.map(() => id))],
  )
}
