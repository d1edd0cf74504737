import { assert } from '../../kernel/assert.ts'
import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import { type Currency, money } from '../../kernel/money.ts'
import type { Row, Sql, SqlValue } from '../../platform/database.ts'
import type { Batch, Came, Closing, Line, Payout } from './model.ts'
import { payoutsOfBatches } from './payout-store.ts'

/** Keeps lines, each with the number and the time of the event that told it, open until a batch takes them. */
export async function insertLines(
  sql: Sql,
  told: readonly { readonly seq: bigint; readonly postedAt: Instant; readonly line: Line }[],
): Promise<void> {
  const rows = told.map(({ seq, postedAt, line }) => ({
    ...{ seq: seq.toString(), direction: line.direction, member: line.member, currency: line.amount.currency },
    ...{ amount: line.amount.minor.toString(), transfer: line.transfer, kind: line.kind },
    ...{ posted_at: toRfc3339(postedAt), account: line.account, counterparty: line.counterparty },
    fee: line.fee?.minor.toString() ?? null,
  }))
  await sql.query(
    `WITH line AS (
       INSERT INTO settlement_line
         (seq, direction, member, currency, amount, transfer, kind, posted_at, account, counterparty, fee)
       SELECT seq, direction, member, currency, amount, transfer, kind, posted_at, account, counterparty, fee
       FROM jsonb_to_recordset($1::jsonb) AS told (seq bigint, direction text, member text, currency text, amount bigint,
         transfer text, kind text, posted_at timestamptz, account text, counterparty text, fee bigint)
       RETURNING seq, direction, member, currency, posted_at)
     INSERT INTO open_line (seq, direction, member, currency, posted_at) SELECT * FROM line`,
    [JSON.stringify(rows)],
  )
}

/**
 * How far in cash flow's feed the cut-off reaches. It is said once, by the first closing at that time: up to the newest posting
 * that had arrived and was made by then, and never less than an earlier cut-off or more than a later one. From then on it is the
 * number alone that decides, for every party, so that both sides of a transfer are on one side of it.
 */
export async function reachOf(sql: Sql, cutOff: Instant): Promise<bigint> {
  await sql.query(
    `INSERT INTO cut_off (at, through_seq)
     SELECT $1, LEAST(
       GREATEST(
         coalesce((SELECT seq FROM settlement_line WHERE posted_at <= $1 ORDER BY seq DESC LIMIT 1), 0),
         coalesce((SELECT through_seq FROM cut_off WHERE at < $1 ORDER BY at DESC LIMIT 1), 0)),
       (SELECT through_seq FROM cut_off WHERE at > $1 ORDER BY at LIMIT 1))
     ON CONFLICT (at) DO NOTHING`,
    [toRfc3339(cutOff)],
  )
  const [row] = await sql.query<{ seq: bigint }>('SELECT through_seq AS seq FROM cut_off WHERE at = $1', [
    toRfc3339(cutOff),
  ])
  assert(row !== undefined, 'a cut-off that was said is there')
  return row.seq
}

/** Lets one closing of a member's currency at a time go on; the next one sees what this one committed. */
export async function lockParty(sql: Sql, { member, currency }: Closing): Promise<void> {
  await sql.query(
    `INSERT INTO settlement_party (member, currency) VALUES ($1, $2)
     ON CONFLICT (member, currency) DO UPDATE SET member = EXCLUDED.member`,
    [member, currency],
  )
}

export async function lastCutOff(sql: Sql, { member, currency }: Closing): Promise<Instant | null> {
  const [row] = await sql.query<{ last: Instant | null }>(
    'SELECT max(cut_off) AS last FROM settlement_batch WHERE member = $1 AND currency = $2',
    [member, currency],
  )
  return row?.last ?? null
}

/**
 * Writes the batch with every open line up to `reach`, however late it came, what the last one left below zero, and what was
 * not paid of earlier ones. One statement, so that the totals and the lines are of one snapshot: a line that arrives meanwhile is
 * in both or in neither.
 * @returns what came to each account by it
 */
export async function insertBatch(
  sql: Sql,
  id: Id<'settlementBatch'>,
  closing: Closing,
  reach: bigint,
  now: Instant,
): Promise<readonly Came[]> {
  const rows = await sql.query<{ account: string | null; carried: boolean; minor: string }>(
    `WITH open AS (
       DELETE FROM open_line WHERE member = $2 AND currency = $3 AND seq <= $6 RETURNING seq, direction
     ), closing AS (
       SELECT seq, direction, amount, fee, account FROM open JOIN settlement_line USING (seq, direction)
     ), unpaid AS (
       UPDATE payout SET carried_in = $1
       WHERE member = $2 AND currency = $3 AND state IN ('refused', 'returned') AND carried_in IS NULL
       RETURNING account, coalesce(came_back, amount) AS amount
     ), batch AS (
       INSERT INTO settlement_batch
         (id, member, currency, cut_off, through, carried, lines, gross_in, gross_out, fees, closed_at, through_seq)
       SELECT $1, $2, $3, $4,
         (SELECT posted_at FROM settlement_line ORDER BY seq DESC LIMIT 1),
         coalesce((SELECT LEAST(carried + gross_in - gross_out - fees, 0) FROM settlement_batch
                   WHERE member = $2 AND currency = $3 ORDER BY cut_off DESC LIMIT 1), 0)
           + (SELECT coalesce(sum(amount), 0) FROM unpaid),
         count(*),
         coalesce(sum(amount) FILTER (WHERE direction = 'in'), 0),
         coalesce(sum(amount) FILTER (WHERE direction = 'out'), 0),
         coalesce(sum(fee), 0),
         $5, $6
       FROM closing
     ), taken AS (
       INSERT INTO settlement_batch_line (seq, direction, batch) SELECT seq, direction, $1 FROM closing
     )
     SELECT account, carried, sum(minor)::text AS minor FROM (
       SELECT account, false AS carried,
         CASE direction WHEN 'in' THEN amount ELSE -amount - coalesce(fee, 0) END AS minor FROM closing
       UNION ALL SELECT account, true, amount FROM unpaid) AS moved
     GROUP BY account, carried`,
    [id, closing.member, closing.currency, toRfc3339(closing.cutOff), toRfc3339(now), reach],
  )
  await appendState(sql, id, 'closed', now)
  return rows.map(({ minor, ...came }) => ({ ...came, minor: BigInt(minor) }))
}

/** The batch's next version, if it is in another state than this. */
export async function appendState(sql: Sql, batch: string, state: Batch['state'], now: Instant): Promise<void> {
  await sql.query(
    `INSERT INTO settlement_batch_state (batch, version, state, recorded_at)
     SELECT $1, coalesce(max(version), 0) + 1, $2::text, $3::timestamptz FROM settlement_batch_state WHERE batch = $1
     HAVING (array_agg(state ORDER BY version DESC))[1] IS DISTINCT FROM $2::text`,
    [batch, state, toRfc3339(now)],
  )
}

export async function findBatch(sql: Sql, id: string): Promise<Batch | null> {
  const [batch] = await selectBatches(sql, 'batch.id = $1', [id])
  return batch ?? null
}

export async function findBatchAt(sql: Sql, { member, currency, cutOff }: Closing): Promise<Batch | null> {
  const values = [member, currency, toRfc3339(cutOff)]
  const [batch] = await selectBatches(sql, 'batch.member = $1 AND batch.currency = $2 AND batch.cut_off = $3', values)
  return batch ?? null
}

/** Newest first, those of `member` alone if it is not null, and below the id `before` if that is not null. */
export function listBatches(sql: Sql, member: string | null, before: string | null, limit: number): Promise<Batch[]> {
  return selectBatches(
    sql,
    `($1::text IS NULL OR batch.member = $1) AND ($2::text IS NULL OR batch.id < $2)
     ORDER BY batch.id DESC LIMIT $3`,
    [member, before, limit],
  )
}

async function selectBatches(sql: Sql, where: string, values: readonly SqlValue[]): Promise<Batch[]> {
  const rows = await sql.query(
    `SELECT batch.id, batch.member, batch.currency, batch.cut_off, batch.through, batch.lines, batch.carried::text,
       batch.gross_in::text, batch.gross_out::text, batch.fees::text, batch.closed_at, newest.state, newest.version
     FROM settlement_batch AS batch
     JOIN LATERAL (SELECT state, version FROM settlement_batch_state WHERE batch = batch.id
                   ORDER BY version DESC LIMIT 1) AS newest ON true
     WHERE ${where}`,
    values,
  )
  const payouts = await payoutsOfBatches(
    sql,
    rows.map((row) => row['id'] as string),
  )
  return rows.map((row) => toBatch(row, payouts.get(row['id'] as string) ?? []))
}

function toBatch(row: Row, payouts: readonly Payout[]): Batch {
  const currency = row['currency'] as Currency
  const lines = Number(row['lines'])
  assert(Number.isSafeInteger(lines), 'a batch has a countable number of lines')
  return {
    id: row['id'] as Id<'settlementBatch'>,
    member: row['member'] as string,
    currency,
    cutOff: row['cut_off'] as Instant,
    through: row['through'] as Instant | null,
    lines,
    carried: money(currency, BigInt(row['carried'] as string)),
    gross: {
      in: money(currency, BigInt(row['gross_in'] as string)),
      out: money(currency, BigInt(row['gross_out'] as string)),
    },
    fees: money(currency, BigInt(row['fees'] as string)),
    payouts,
    state: row['state'] as Batch['state'],
    version: Number(row['version']),
    closedAt: row['closed_at'] as Instant,
  }
}
