import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Currency } from '../../kernel/money.ts'
import type { Row, Sql } from '../../platform/database.ts'

export type BreakKind = 'missing' | 'unexpected' | 'different' | 'returned'
export type Resolution = 'write_off' | 'give_back' | 'explained' | 'arrived_later' | 'refused_later'
export type BreakState = 'open' | 'proposed' | 'resolved'

/** What did not come out even between the bank's record and ours, and what people did about it. */
export type Break = {
  readonly id: string
  readonly reconciliation: string
  readonly statement: string
  /** Whose statement it is: who brought it does not approve what is made of it. */
  readonly importedBy: string
  readonly kind: BreakKind
  readonly currency: Currency
  readonly expected: bigint
  readonly actual: bigint
  /** Numbers of the statement's lines. */
  readonly lines: readonly number[]
  readonly payouts: readonly string[]
  readonly openedAt: Instant
  readonly version: number
  readonly state: BreakState
  readonly owner: string
  readonly resolution: Resolution | null
  /** Who did the newest step, and why. */
  readonly actor: string
  readonly reason: string
}

export type Step = Pick<Break, 'version' | 'state' | 'owner' | 'resolution' | 'actor' | 'reason'>

const LISTED_PER_BREAK_MAX = 1_000

const SELECT = `SELECT one.id, one.reconciliation, one.kind, one.currency, one.expected::text, one.actual::text, one.opened_at,
    reconciliation.statement, bank_statement.imported_by, step.version, step.state, step.owner, step.resolution, step.actor, step.reason,
    ARRAY(SELECT number::text FROM line_result WHERE break = one.id ORDER BY number LIMIT ${LISTED_PER_BREAK_MAX}) AS lines,
    ARRAY(SELECT id FROM payout WHERE broken_in = one.id OR missing_in = one.id OR id = one.reference ORDER BY id
      LIMIT ${LISTED_PER_BREAK_MAX}) AS payouts
  FROM reconciliation_break AS one
  JOIN reconciliation ON reconciliation.id = one.reconciliation
  JOIN bank_statement ON bank_statement.id = reconciliation.statement
  JOIN LATERAL (SELECT * FROM break_step WHERE break = one.id ORDER BY version DESC LIMIT 1) AS step ON true`

export async function findBreak(sql: Sql, id: string): Promise<Break | null> {
  const [row] = await sql.query(`${SELECT} WHERE one.id = $1`, [id])
  return row === undefined ? null : toBreak(row)
}

/** Lets one change of a break at a time go on; its payouts first, as the matching of a statement does. */
export async function lockBreak(sql: Sql, id: string): Promise<Break | null> {
  await sql.query(
    `SELECT FROM payout WHERE broken_in = $1 OR missing_in = $1
       OR id = (SELECT reference FROM reconciliation_break WHERE id = $1) ORDER BY id FOR UPDATE`,
    [id],
  )
  await sql.query('SELECT FROM reconciliation_break WHERE id = $1 FOR UPDATE', [id])
  return findBreak(sql, id)
}

export type BreakFilter = { readonly reconciliation: string | null; readonly open: boolean | null }

/** Oldest first, with an id above `after` where that is not null. */
export async function listBreaks(
  sql: Sql,
  { reconciliation, open }: BreakFilter,
  after: string | null,
  limit: number,
): Promise<Break[]> {
  const rows = await sql.query(
    `${SELECT} WHERE ($1::text IS NULL OR one.reconciliation = $1) AND ($2::boolean IS NULL OR one.open = $2)
       AND ($3::text IS NULL OR one.id > $3) ORDER BY one.id LIMIT $4`,
    [reconciliation, open, after, limit],
  )
  return rows.map(toBreak)
}

export async function insertStep(sql: Sql, id: string, step: Step, now: Instant): Promise<void> {
  const { version, state, owner, resolution, actor, reason } = step
  await sql.query(
    `INSERT INTO break_step (break, version, state, owner, resolution, actor, reason, at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [id, version, state, owner, resolution, actor, reason, toRfc3339(now)],
  )
  if (state === 'resolved') await sql.query('UPDATE reconciliation_break SET open = false WHERE id = $1', [id])
}

/** What was missing has come, or will not come: the break that said so is resolved by it. */
export async function closeMissing(
  sql: Sql,
  payouts: readonly string[],
  { resolution, reason }: { readonly resolution: 'arrived_later' | 'refused_later'; readonly reason: string },
  now: Instant,
): Promise<void> {
  await sql.query(
    `WITH told AS (
       UPDATE reconciliation_break AS one SET open = false FROM payout
       WHERE payout.id = ANY($1) AND one.id = payout.missing_in AND one.open RETURNING one.id
     )
     INSERT INTO break_step (break, version, state, owner, resolution, actor, reason, at)
     SELECT told.id, newest.version + 1, 'resolved', newest.owner, $4, 'settlement', $2, $3
     FROM told JOIN LATERAL (SELECT version, owner FROM break_step WHERE break = told.id
                             ORDER BY version DESC LIMIT 1) AS newest ON true`,
    [payouts, reason, toRfc3339(now), resolution],
  )
}

/** Files of the break's payouts that have no answer yet: the bank may be asked for them again. */
export async function filesUnderWay(sql: Sql, id: string): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT id FROM payment_file WHERE state = 'pending'
       AND id IN (SELECT file FROM payout WHERE broken_in = $1 OR missing_in = $1) ORDER BY id`,
    [id],
  )
  return rows.map((file) => file.id)
}

/** Sets going what the resolution asks of the ledger: the payouts are confirmed out of transit, or given back. */
export async function resolvePayouts(
  sql: Sql,
  id: string,
  state: 'confirming' | 'returning',
  now: Instant,
): Promise<void> {
  const told = state === 'returning' ? ['confirming', 'settled'] : [] // by a notification that was wrong
  await sql.query(
    `UPDATE payout SET state = $2, next_try_at = $3, tries = 0
     WHERE (broken_in = $1 OR missing_in = $1) AND state = ANY($4)`,
    [id, state, toRfc3339(now), ['sent', 'paid', ...told]],
  )
}

/** What all open breaks of a currency come to, each by how far it is off. */
export async function openBreaksOf(sql: Sql, currency: Currency): Promise<bigint> {
  const [row] = await sql.query<{ sum: string }>(
    'SELECT coalesce(sum(abs(expected - actual)), 0)::text AS sum FROM reconciliation_break WHERE currency = $1 AND open',
    [currency],
  )
  return BigInt(row?.sum ?? 0)
}

function toBreak(row: Row): Break {
  return {
    id: row['id'] as string,
    reconciliation: row['reconciliation'] as string,
    statement: row['statement'] as string,
    importedBy: row['imported_by'] as string,
    kind: row['kind'] as BreakKind,
    currency: row['currency'] as Currency,
    expected: BigInt(row['expected'] as string),
    actual: BigInt(row['actual'] as string),
    lines: (row['lines'] as string[]).map(Number),
    payouts: row['payouts'] as string[],
    openedAt: row['opened_at'] as Instant,
    version: Number(row['version']),
    state: row['state'] as BreakState,
    owner: row['owner'] as string,
    resolution: row['resolution'] as Resolution | null,
    actor: row['actor'] as string,
    reason: row['reason'] as string,
  }
}
