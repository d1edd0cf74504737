import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'

/** Of these payouts, which a statement tells were paid, gives back what an earlier one told came back whole. */
export async function giveBackEarlier(
  sql: Sql,
  payouts: readonly string[],
  statement: string,
  now: Instant,
): Promise<void> {
  await sql.query(
    `WITH early AS (
       SELECT DISTINCT ON (one.reference) one.id, one.reference AS payout FROM payout
       JOIN reconciliation_break AS one ON one.reference = payout.id AND one.open AND -one.actual = payout.amount
       WHERE payout.id = ANY($1) AND payout.state IN ('confirming', 'settled') AND payout.return_in IS NULL
       ORDER BY one.reference, one.id
     ), given AS (
       UPDATE payout SET state = 'returning', return_in = early.id, next_try_at = $3, tries = 0
       FROM early WHERE payout.id = early.payout
     ), over AS (
       UPDATE reconciliation_break AS one SET open = false FROM early WHERE one.id = early.id
     )
     INSERT INTO break_step (break, version, state, owner, resolution, actor, reason, at)
     SELECT early.id, newest.version + 1, 'resolved', newest.owner, 'give_back', 'settlement', $2, $3
     FROM early JOIN LATERAL (SELECT version, owner FROM break_step WHERE break = early.id
                              ORDER BY version DESC LIMIT 1) AS newest ON true`,
    [payouts, `paid on the statement ${statement}`, toRfc3339(now)],
  )
}

/** The state of the payout that a break says came back, if that keeps it from being given back: no statement told it was paid. */
export async function notConfirmed(sql: Sql, id: string): Promise<{ payout: string; state: string } | null> {
  const [row] = await sql.query<{ payout: string; state: string }>(
    `SELECT payout.id AS payout, payout.state FROM reconciliation_break AS one JOIN payout ON payout.id = one.reference
     WHERE one.id = $1 AND (payout.state NOT IN ('confirming', 'settled') OR payout.return_in IS NOT NULL
       OR coalesce(payout.matched_in, payout.broken_in) IS NULL)`,
    [id],
  )
  return row ?? null
}

/** Sets going that the account is given what really came back. */
export async function giveBackPart(sql: Sql, id: string, now: Instant): Promise<void> {
  await sql.query(
    `UPDATE payout SET state = 'returning', came_back = -one.actual, return_in = one.id, next_try_at = $2, tries = 0
     FROM reconciliation_break AS one WHERE one.id = $1 AND payout.id = one.reference`,
    [id, toRfc3339(now)],
  )
}
