import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { type Currency, MINOR_MAX, money } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import type { RiskFacts } from '../../policy/index.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** The longest that anything here looks back; what is older is let go. */
export const KNOWN_PAYEE_MS = 180 * DAY_MS
/**
 * How far back amounts are summed, and so how long one that was let pass counts while cash flow says nothing of it: not shorter,
 * or who collected answers that count no more could use them all at once.
 */
export const AMOUNTS_MS = DAY_MS
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
 * How often the member has asked, whatever became of it, and how much of that has moved or may still: what was let pass counts
 * until cash flow's log says otherwise. Counted on rows, so it is exact after a restart, and a rule that is new finds what was
 * before it. What others asked for and this member pays is among them once it has moved.
 */
export async function readMemberVelocity(
  sql: Sql,
  member: string,
  currency: Currency,
  now: Instant,
): Promise<Pick<RiskFacts['velocity'], 'transfersLastHour' | 'amountLastDay'>> {
  const [row] = await sql.query<{ transfers: bigint; minor: bigint }>(
    `WITH own AS (
       SELECT part, transfer, currency, minor, state, asked_at FROM counted_transfer WHERE member = $1 AND at > $4
       UNION ALL SELECT part, transfer, currency, minor, state, asked_at FROM counted_transfer WHERE payer = $1 AND at > $4)
     SELECT count(*) FILTER (WHERE asked_at > $3 AND part = transfer)
         + (SELECT count(DISTINCT transfer) FROM own WHERE asked_at > $3 AND part <> transfer) AS transfers,
       LEAST(coalesce(sum(minor) FILTER (WHERE currency = $2 AND state IN ('let_pass', 'moved')), 0), $5)::bigint AS minor
     FROM own`,
    [member, currency, before(now, HOUR_MS), before(now, AMOUNTS_MS), MINOR_MAX],
  )
  return { transfersLastHour: Number(row?.transfers ?? 0n), amountLastDay: money(currency, row?.minor ?? 0n) }
}

/**
 * What is known of one payee and of the device, this transfer not counted. Of other members' transfers: what is committed. A payee
 * is known by what has moved there and stayed, and by nothing that only may.
 */
export async function readPayeeVelocity(
  sql: Sql,
  { member, payee, device }: { readonly member: string; readonly payee: string; readonly device: string },
  now: Instant,
): Promise<Omit<RiskFacts['velocity'], 'transfersLastHour' | 'amountLastDay'>> {
  const stayed = `payee = $2 AND state = 'moved' AND at > $4
    AND NOT EXISTS (SELECT 1 FROM taken_back AS t WHERE t.part = c.part)`
  const [row] = await sql.query<Record<'known' | 'transfers' | 'members' | 'used' | 'users', bigint>>(
    `SELECT
       (SELECT count(*) FROM (SELECT 1 FROM counted_transfer AS c WHERE member = $1 AND ${stayed}
         UNION ALL SELECT 1 FROM counted_transfer AS c WHERE payer = $1 AND ${stayed} LIMIT $7) AS k) AS known,
       p.transfers, p.members, d.used, d.users
     FROM (SELECT count(*) AS transfers, count(DISTINCT member) AS members FROM (
         SELECT coalesce(payer, member) AS member FROM counted_transfer
         WHERE payee = $2 AND asked_at > $5 ORDER BY asked_at DESC LIMIT $7) AS p) AS p,
       (SELECT count(DISTINCT transfer) FILTER (WHERE asked_at > $6) AS used, count(DISTINCT member) AS users FROM (
         SELECT transfer, member, asked_at FROM counted_transfer
         WHERE device = $3 AND asked_at > $5 ORDER BY asked_at DESC LIMIT $7) AS d) AS d`,
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
