import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { type Currency, MINOR_MAX, money } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import type { RiskFacts } from '../../policy/index.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const KNOWN_PAYEE_MS = 180 * DAY_MS
/** What is counted of payee and device is hardly judged beyond it, and a busy payee's is not read whole. */
const COUNTED_MAX = 1_000

/** Lets one decision on a member at a time go on; the next one sees what this one committed. */
export async function lockMember(sql: Sql, member: string): Promise<void> {
  await sql.query(
    'INSERT INTO member_lock (member) VALUES ($1) ON CONFLICT (member) DO UPDATE SET member = EXCLUDED.member',
    [member],
  )
}

/**
 * What was assessed before, counted on the rows themselves: so the counts are exact after a restart, and whoever changes a rule
 * finds what was there before it. The amounts of 24 hours are those let pass, at once or by the approval of a case.
 */
export async function readMemberVelocity(
  sql: Sql,
  member: string,
  currency: Currency,
  now: Instant,
): Promise<Pick<RiskFacts['velocity'], 'transfersLastHour' | 'amountLastDay'>> {
  const [row] = await sql.query<{ transfers: bigint; minor: bigint }>(
    `SELECT count(*) FILTER (WHERE at > $3) AS transfers,
       LEAST(coalesce(sum(minor) FILTER (WHERE currency = $2 AND outcome IN ('accept', 'review')), 0)
         + (SELECT coalesce(sum(minor), 0) FROM review_case
            WHERE maker = $1 AND kind = 'held' AND currency = $2 AND state = 'approved' AND closed_at > $4), $5)::bigint AS minor
     FROM assessment WHERE member = $1 AND at > $4`,
    [member, currency, before(now, HOUR_MS), before(now, DAY_MS), MINOR_MAX],
  )
  return { transfersLastHour: Number(row?.transfers ?? 0n), amountLastDay: money(currency, row?.minor ?? 0n) }
}

/** What is known of one payee and of the device, this transfer not counted. Of other members' transfers: what is committed. */
export async function readPayeeVelocity(
  sql: Sql,
  { member, payee, device }: { readonly member: string; readonly payee: string; readonly device: string },
  now: Instant,
): Promise<Omit<RiskFacts['velocity'], 'transfersLastHour' | 'amountLastDay'>> {
  const [row] = await sql.query<Record<'known' | 'transfers' | 'members' | 'used' | 'users', bigint>>(
    `SELECT
       (SELECT count(*) FROM (SELECT 1 FROM assessment AS a WHERE a.member = $1 AND a.payee = $2 AND a.at > $4
          AND (a.outcome IN ('accept', 'review')
            OR EXISTS (SELECT 1 FROM review_case AS c WHERE c.assessment = a.id AND c.state = 'approved')) LIMIT $7) AS k) AS known,
       p.transfers, p.members, d.used, d.users
     FROM (SELECT count(*) AS transfers, count(DISTINCT member) AS members FROM (
         SELECT member FROM assessment WHERE payee = $2 AND at > $5 ORDER BY at DESC LIMIT $7) AS p) AS p,
       (SELECT count(*) FILTER (WHERE at > $6) AS used, count(DISTINCT member) AS users FROM (
         SELECT member, at FROM assessment WHERE device = $3 AND at > $5 ORDER BY at DESC LIMIT $7) AS d) AS d`,
    [member, payee, device, before(now, KNOWN_PAYEE_MS), before(now, DAY_MS), before(now, HOUR_MS), COUNTED_MAX],
  )
  return {
    transfersToPayee: Number(row?.known ?? 0n),
    payeeTransfersLastDay: Number(row?.transfers ?? 0n),
    payeeMembersLastDay: Number(row?.members ?? 0n),
    deviceTransfersLastHour: Number(row?.used ?? 0n),
    deviceMembersLastDay: Number(row?.users ?? 0n),
  }
}

function before(now: Instant, ms: number): string {
  return toRfc3339((now - ms) as Instant)
}
