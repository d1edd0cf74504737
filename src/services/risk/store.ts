import { type Json, sha256 } from '../../kernel/canonical-json.ts'
import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import { type Currency, MINOR_MAX, type Money, money } from '../../kernel/money.ts'
import type { Row, Sql } from '../../platform/database.ts'
import type { Considered, RiskVerdict, Tells } from '../../policy/index.ts'
import type { DecisionReply } from './errors.ts'
import type { StoredFacts } from './facts.ts'
import type { CaseState, ReviewCase, Vote, VoteKind } from './model.ts'

export type Assessment = {
  readonly id: Id<'assessment'>
  readonly member: string
  readonly idempotencyKey: string
  readonly bodySha256: string
  readonly receipt: string | null
  readonly at: Instant
  readonly amount: Money
  readonly outcome: Exclude<RiskVerdict['outcome'], 'closed'>
  readonly rule: string
  readonly reasons: readonly string[]
  readonly remedy: string | null
  readonly tells: Tells
  /** What would have let it pass, where the rule tells it. */
  readonly change: string | null
  /** What the rules tagged the transfer with, here and at the edge. */
  readonly tags: readonly string[]
  readonly considered: readonly Considered[]
  /** The digest of the policies that decided. */
  readonly bundle: string
  readonly facts: StoredFacts
  /** The provider's name for its score, or why there is none. */
  readonly seqId: string | null
  readonly fault: string | null
  /** It passed without an answer of the fraud provider. */
  readonly unchecked: boolean
  /** With `hold`: how many people must approve, and how long they have. */
  readonly review: { readonly approvals: number; readonly decideMs: number } | null
}

export async function insertAssessment(sql: Sql, a: Assessment): Promise<void> {
  await sql.query(
    `INSERT INTO assessment (id, member, idempotency_key, body_sha256, receipt, at, currency, minor, outcome, rule,
       reasons, considered, bundle, facts, seq_id, fault, approvals, decide_ms, unchecked, remedy, tells, tags, change)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12::jsonb, $13, $14::jsonb, $15, $16, $17, $18, $19,
       $20, $21, $22::jsonb, $23)`,
    [
      ...[a.id, a.member, a.idempotencyKey, a.bodySha256, a.receipt, toRfc3339(a.at)],
      ...[a.amount.currency, a.amount.minor, a.outcome, a.rule, JSON.stringify(a.reasons)],
      ...[JSON.stringify(a.considered), a.bundle, JSON.stringify(a.facts), a.seqId, a.fault],
      ...[a.review?.approvals ?? null, a.review?.decideMs ?? null, a.unchecked],
      ...[a.remedy, a.tells, JSON.stringify(a.tags), a.change],
    ],
  )
}

export async function findAssessment(sql: Sql, id: string): Promise<Assessment | null> {
  const [row] = await sql.query('SELECT * FROM assessment WHERE id = $1', [id])
  return row === undefined ? null : toAssessment(row)
}

export async function findAssessmentByKey(sql: Sql, member: string, key: string): Promise<Assessment | null> {
  const [row] = await sql.query('SELECT * FROM assessment WHERE member = $1 AND idempotency_key = $2', [member, key])
  return row === undefined ? null : toAssessment(row)
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Lets one decision on a member at a time go on; the next one sees what this one committed. */
export async function lockMember(sql: Sql, member: string): Promise<void> {
  await sql.query(
    'INSERT INTO member_lock (member) VALUES ($1) ON CONFLICT (member) DO UPDATE SET member = EXCLUDED.member',
    [member],
  )
}

/**
 * A member's assessed transfers of the last hour, and the amounts let pass in the last 24 hours in one currency: at once,
 * or by the approval of a case.
 */
export async function readVelocity(
  sql: Sql,
  member: string,
  currency: Currency,
  now: Instant,
): Promise<{ transfersLastHour: number; amountLastDay: Money }> {
  const [row] = await sql.query<{ transfers: bigint; minor: bigint }>(
    `SELECT count(*) FILTER (WHERE at > $3) AS transfers,
       LEAST(coalesce(sum(minor) FILTER (WHERE currency = $2 AND outcome IN ('accept', 'review')), 0)
         + (SELECT coalesce(sum(minor), 0) FROM review_case
            WHERE maker = $1 AND currency = $2 AND state = 'approved' AND closed_at > $4), $5)::bigint AS minor
     FROM assessment WHERE member = $1 AND at > $4`,
    [member, currency, toRfc3339((now - HOUR_MS) as Instant), toRfc3339((now - DAY_MS) as Instant), MINOR_MAX],
  )
  return { transfersLastHour: Number(row?.transfers ?? 0n), amountLastDay: money(currency, row?.minor ?? 0n) }
}

export async function insertCase(sql: Sql, c: ReviewCase): Promise<void> {
  await sql.query(
    `INSERT INTO review_case (id, version, operation, transfer, assessment, maker, currency, minor, facts, case_version,
       snapshot_hash, state, needed, opened_at, due_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $12, $13, $14, $15)`,
    [
      ...[c.id, c.version, c.operation, c.transfer, c.assessment, c.maker, c.amount.currency, c.amount.minor],
      ...[JSON.stringify(c.facts), c.caseVersion, c.snapshotHash, c.state, c.needed],
      ...[toRfc3339(c.openedAt), toRfc3339(c.dueAt)],
    ],
  )
}

export async function findCase(sql: Sql, id: string): Promise<ReviewCase | null> {
  const [found] = await withVotes(sql, await sql.query('SELECT * FROM review_case WHERE id = $1', [id]))
  return found ?? null
}

/** The case, locked until the transaction ends: whatever changes a case goes through here, one after the other. */
export async function lockCase(sql: Sql, id: string): Promise<ReviewCase | null> {
  const [found] = await withVotes(sql, await sql.query('SELECT * FROM review_case WHERE id = $1 FOR UPDATE', [id]))
  return found ?? null
}

/** The open case of a transfer, locked. */
export async function lockOpenCaseOf(sql: Sql, transfer: string): Promise<ReviewCase | null> {
  const rows = await sql.query(`SELECT * FROM review_case WHERE transfer = $1 AND state = 'open' FOR UPDATE`, [
    transfer,
  ])
  const [found] = await withVotes(sql, rows)
  return found ?? null
}

/** Cases older than `before`, newest first; of one state, or of all. */
export async function listCases(
  sql: Sql,
  state: CaseState | null,
  before: string | null,
  limit: number,
): Promise<readonly ReviewCase[]> {
  const rows = await sql.query(
    `SELECT * FROM review_case WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR id < $2)
     ORDER BY id DESC LIMIT $3`,
    [state, before, limit],
  )
  return withVotes(sql, rows)
}

export async function listOverdue(sql: Sql, now: Instant, limit: number): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT id FROM review_case WHERE state = 'open' AND due_at <= $1 ORDER BY due_at LIMIT $2`,
    [toRfc3339(now), limit],
  )
  return rows.map(({ id }) => id)
}

export async function insertVote(sql: Sql, caseId: string, { reviewer, vote, reason, at }: Vote): Promise<void> {
  await sql.query('INSERT INTO review_vote (case_id, reviewer, vote, reason, at) VALUES ($1, $2, $3, $4, $5)', [
    caseId,
    reviewer,
    vote,
    reason,
    toRfc3339(at),
  ])
  await sql.query('UPDATE review_case SET version = version + 1 WHERE id = $1', [caseId])
}

/** Closes an open case, once. @returns whether it was open */
export async function closeCase(
  sql: Sql,
  id: string,
  state: Exclude<CaseState, 'open'>,
  reason: string,
  at: Instant,
): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE review_case SET state = $2, reason = $3, closed_at = $4, version = version + 1
     WHERE id = $1 AND state = 'open' RETURNING id`,
    [id, state, reason, toRfc3339(at)],
  )
  return rows.length > 0
}

export type ArrivedDecision = {
  readonly nonce: string
  readonly body: string
  readonly headers: Json
  readonly receivedAt: Instant
}

/** Keeps a decision as it arrived. False when its nonce is known: waits for whoever is writing it, then sees it. */
export async function insertDecision(sql: Sql, arrived: ArrivedDecision): Promise<boolean> {
  const rows = await sql.query(
    `INSERT INTO decision (nonce, body, headers, received_at) VALUES ($1, $2, $3::jsonb, $4)
     ON CONFLICT DO NOTHING RETURNING nonce`,
    [arrived.nonce, arrived.body, JSON.stringify(arrived.headers), toRfc3339(arrived.receivedAt)],
  )
  return rows.length > 0
}

export async function insertReply(sql: Sql, nonce: string, reply: DecisionReply): Promise<void> {
  await sql.query('INSERT INTO decision_answer (nonce, answer) VALUES ($1, $2::json)', [nonce, JSON.stringify(reply)])
}

/** What a known nonce came with, and what it was answered. */
export async function findReply(
  sql: Sql,
  nonce: string,
): Promise<{ readonly bodySha256: string; readonly reply: DecisionReply } | null> {
  const [row] = await sql.query<{ body: string; answer: DecisionReply }>(
    'SELECT body, answer FROM decision JOIN decision_answer USING (nonce) WHERE nonce = $1',
    [nonce],
  )
  return row === undefined ? null : { bodySha256: sha256(row.body), reply: row.answer }
}

async function withVotes(sql: Sql, rows: readonly Row[]): Promise<readonly ReviewCase[]> {
  if (rows.length === 0) return []
  const ids = rows.map((row) => row['id'] as string)
  const votes = await sql.query<{ case_id: string; reviewer: string; vote: VoteKind; reason: string; at: Instant }>(
    'SELECT case_id, reviewer, vote, reason, at FROM review_vote WHERE case_id = ANY($1::text[]) ORDER BY at, reviewer',
    [ids],
  )
  return rows.map((row) => ({
    id: row['id'] as Id<'case'>,
    version: row['version'] as number,
    operation: row['operation'] as string,
    transfer: row['transfer'] as string,
    assessment: row['assessment'] as string,
    maker: row['maker'] as string,
    amount: money(row['currency'] as Currency, row['minor'] as bigint),
    facts: row['facts'] as ReviewCase['facts'],
    caseVersion: row['case_version'] as number,
    snapshotHash: row['snapshot_hash'] as string,
    state: row['state'] as CaseState,
    needed: row['needed'] as number,
    openedAt: row['opened_at'] as Instant,
    dueAt: row['due_at'] as Instant,
    closedAt: row['closed_at'] as Instant | null,
    reason: row['reason'] as string | null,
    votes: votes.filter((vote) => vote.case_id === row['id']).map(({ case_id: _case, ...vote }) => vote),
  }))
}

function toAssessment(row: Row): Assessment {
  const approvals = row['approvals'] as number | null
  return {
    id: row['id'] as Id<'assessment'>,
    member: row['member'] as string,
    idempotencyKey: row['idempotency_key'] as string,
    bodySha256: row['body_sha256'] as string,
    receipt: row['receipt'] as string | null,
    at: row['at'] as Instant,
    amount: money(row['currency'] as Currency, row['minor'] as bigint),
    outcome: row['outcome'] as Assessment['outcome'],
    rule: row['rule'] as string,
    reasons: row['reasons'] as readonly string[],
    remedy: row['remedy'] as string | null,
    tells: row['tells'] as Tells,
    change: row['change'] as string | null,
    tags: row['tags'] as readonly string[],
    considered: row['considered'] as readonly Considered[],
    bundle: row['bundle'] as string,
    facts: row['facts'] as StoredFacts,
    seqId: row['seq_id'] as string | null,
    fault: row['fault'] as string | null,
    unchecked: row['unchecked'] as boolean,
    review: approvals === null ? null : { approvals, decideMs: Number(row['decide_ms']) },
  }
}
