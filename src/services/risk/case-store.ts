import type { Json } from '../../kernel/canonical-json.ts'
import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import { type Currency, money } from '../../kernel/money.ts'
import type { Row, Sql } from '../../platform/database.ts'
import { PRIORITIES, type Priority } from '../../policy/index.ts'
import type { Assignment, CaseKind, CaseState, OnTimeout, ReviewCase, Vote, VoteKind } from './model.ts'

/** SQL of cases, their votes and what happened to them. */

export async function insertCase(sql: Sql, c: ReviewCase): Promise<void> {
  await sql.query(
    `INSERT INTO review_case (id, version, kind, operation, transfer, assessment, receipt, maker, currency, minor, facts,
       case_version, snapshot_hash, checked_bundle, state, needed, queue, priority, opened_at, escalate_at, due_at,
       on_timeout, hold_expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`,
    [
      ...[c.id, c.version, c.kind, c.operation, c.transfer, c.assessment, c.receipt, c.maker],
      ...[c.amount.currency, c.amount.minor, JSON.stringify(c.facts), c.caseVersion, c.snapshotHash, c.checkedBundle],
      ...[c.state, c.needed, c.queue, PRIORITIES.indexOf(c.priority), toRfc3339(c.openedAt), timeOf(c.escalateAt)],
      ...[toRfc3339(c.dueAt), c.onTimeout, timeOf(c.holdExpiresAt)],
    ],
  )
}

export async function findCase(sql: Sql, id: string): Promise<ReviewCase | null> {
  const [found] = await withVotes(sql, await sql.query('SELECT * FROM review_case WHERE id = $1', [id]))
  return found ?? null
}

/** The case that an assessment led to. */
export async function findCaseOf(sql: Sql, assessment: string): Promise<ReviewCase | null> {
  const rows = await sql.query('SELECT * FROM review_case WHERE assessment = $1 LIMIT 1', [assessment])
  return (await withVotes(sql, rows))[0] ?? null
}

/** The case, locked until the transaction ends: whatever changes a case goes through here, one after the other. */
export async function lockCase(sql: Sql, id: string): Promise<ReviewCase | null> {
  const [found] = await withVotes(sql, await sql.query('SELECT * FROM review_case WHERE id = $1 FOR UPDATE', [id]))
  return found ?? null
}

/** The open case of a transfer that waits for it, locked. */
export async function lockOpenCaseOf(sql: Sql, transfer: string): Promise<ReviewCase | null> {
  const rows = await sql.query(
    `SELECT * FROM review_case WHERE transfer = $1 AND state = 'open' AND kind = 'held' FOR UPDATE`,
    [transfer],
  )
  const [found] = await withVotes(sql, rows)
  return found ?? null
}

export type CaseFilter = {
  readonly state: CaseState | null
  readonly queue: string | null
  readonly assignee: string | null
}

/** Cases older than `before`, newest first. */
export async function listCases(
  sql: Sql,
  { state, queue, assignee }: CaseFilter,
  before: string | null,
  limit: number,
): Promise<readonly ReviewCase[]> {
  const rows = await sql.query(
    `SELECT * FROM review_case WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR id < $2)
       AND ($3::text IS NULL OR queue = $3) AND ($4::text IS NULL OR assignee = $4)
     ORDER BY id DESC LIMIT $5`,
    [state, before, queue, assignee, limit],
  )
  return withVotes(sql, rows)
}

/** What this reviewer should decide next: the most urgent open case that nobody has and they did not make, locked. */
export async function lockNextCase(
  sql: Sql,
  reviewer: string,
  queue: string | null,
  now: Instant,
): Promise<ReviewCase | null> {
  const rows = await sql.query(
    `SELECT * FROM review_case AS c WHERE state = 'open' AND ($1::text IS NULL OR queue = $1) AND maker <> $2
       AND due_at > $3 AND (assigned_until IS NULL OR assigned_until <= $3)
       AND NOT EXISTS (SELECT 1 FROM review_vote AS v
         WHERE v.case_id = c.id AND v.case_version = c.case_version AND v.reviewer = $2)
     ORDER BY priority DESC, due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED`,
    [queue, reviewer, toRfc3339(now)],
  )
  const [found] = await withVotes(sql, rows)
  return found ?? null
}

const CONCERNS = {
  payee: `facts ->> 'to' = $1`,
  /** By itself, or as a leg. */
  payer: `(facts ->> 'from' = $1 OR facts -> 'legs' @> jsonb_build_array(jsonb_build_object('from', $1::text)))`,
  maker: 'maker = $1',
}

/** Open cases of money that waits to go to an account, to leave one, or on a member's word. */
export async function listOpenOf(
  sql: Sql,
  role: keyof typeof CONCERNS,
  id: string,
  limit: number,
): Promise<readonly string[]> {
  return idsOf(
    await sql.query(
      `SELECT id FROM review_case WHERE state = 'open' AND kind = 'held' AND ${CONCERNS[role]} ORDER BY id LIMIT $2`,
      [id, limit],
    ),
  )
}

/** Open cases of which something is due: the end of their time, or escalation. */
export async function listDue(sql: Sql, now: Instant, limit: number): Promise<readonly string[]> {
  return idsOf(
    await sql.query(
      `SELECT id FROM review_case WHERE state = 'open' AND (due_at <= $1 OR escalate_at <= $1) ORDER BY due_at LIMIT $2`,
      [toRfc3339(now), limit],
    ),
  )
}

/** Open cases that were last looked at under other policies than these, or under older terms than are in force. */
export async function listUnchecked(sql: Sql, bundle: string, limit: number): Promise<readonly string[]> {
  return idsOf(
    await sql.query(
      `SELECT id FROM review_case WHERE state = 'open' AND kind = 'held' AND (checked_bundle <> $1 OR EXISTS (
         SELECT FROM jsonb_to_recordset(facts -> 'terms') AS known (product text, version integer)
         JOIN product_terms AS newest ON newest.product = known.product AND newest.version > known.version))
       ORDER BY due_at LIMIT $2`,
      [bundle, limit],
    ),
  )
}

/** Those of these held transfers that have neither an open case with a queue and a timer in time, nor one that is decided. */
export async function listUnowned(sql: Sql, transfers: readonly string[]): Promise<readonly string[]> {
  const rows = await sql.query<{ transfer: string }>(
    `SELECT transfer FROM unnest($1::text[]) AS held (transfer) WHERE NOT EXISTS (
       SELECT 1 FROM review_case AS c WHERE c.transfer = held.transfer AND c.kind = 'held' AND (
         c.state IN ('approved', 'declined')
         OR c.state = 'open' AND c.queue <> '' AND (c.hold_expires_at IS NULL OR c.due_at < c.hold_expires_at)))`,
    [transfers],
  )
  return rows.map(({ transfer }) => transfer)
}

export async function insertVote(sql: Sql, caseId: string, vote: Vote): Promise<void> {
  await sql.query(
    'INSERT INTO review_vote (case_id, case_version, reviewer, vote, reason, at) VALUES ($1, $2, $3, $4, $5, $6)',
    [caseId, vote.caseVersion, vote.reviewer, vote.vote, vote.reason, toRfc3339(vote.at)],
  )
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

/** What of a locked case may change while it is open. */
export type CaseChange = Partial<
  Pick<
    ReviewCase,
    | 'queue'
    | 'priority'
    | 'assignment'
    | 'escalateAt'
    | 'facts'
    | 'caseVersion'
    | 'snapshotHash'
    | 'checkedBundle'
    | 'needed'
  >
>

export async function updateCase(sql: Sql, review: ReviewCase, change: CaseChange): Promise<void> {
  const c = { ...review, ...change }
  await sql.query(
    `UPDATE review_case SET queue = $2, priority = $3, assignee = $4, assigned_until = $5, escalate_at = $6,
       facts = $7::jsonb, case_version = $8, snapshot_hash = $9, checked_bundle = $10, needed = $11, version = version + 1
     WHERE id = $1`,
    [
      ...[c.id, c.queue, PRIORITIES.indexOf(c.priority), c.assignment?.reviewer ?? null],
      ...[timeOf(c.assignment?.until ?? null), timeOf(c.escalateAt), JSON.stringify(c.facts), c.caseVersion],
      ...[c.snapshotHash, c.checkedBundle, c.needed],
    ],
  )
}

export type CaseEvent = {
  readonly n: number
  readonly at: Instant
  /** A reviewer, or `timer`, `policies`, `cash-flow`. */
  readonly actor: string
  readonly kind: 'opened' | 'assigned' | 'unassigned' | 'noted' | 'voted' | 'escalated' | 'changed' | 'closed'
  readonly detail: Json
}

/** Adds to the history of a case that is locked, or new. */
export async function insertCaseEvent(sql: Sql, caseId: string, event: Omit<CaseEvent, 'n'>): Promise<void> {
  await sql.query(
    `INSERT INTO case_event (case_id, n, at, actor, kind, detail)
     SELECT $1, coalesce(max(n), 0) + 1, $2, $3, $4, $5::json FROM case_event WHERE case_id = $1`,
    [caseId, toRfc3339(event.at), event.actor, event.kind, JSON.stringify(event.detail)],
  )
}

export async function listCaseEvents(sql: Sql, caseId: string, limit: number): Promise<readonly CaseEvent[]> {
  return sql.query<CaseEvent>(
    'SELECT n, at, actor, kind, detail FROM case_event WHERE case_id = $1 ORDER BY n LIMIT $2',
    [caseId, limit],
  )
}

function idsOf(rows: readonly Row[]): readonly string[] {
  return rows.map((row) => row['id'] as string)
}

function timeOf(at: Instant | null): string | null {
  return at === null ? null : toRfc3339(at)
}

export async function withVotes(sql: Sql, rows: readonly Row[]): Promise<readonly ReviewCase[]> {
  if (rows.length === 0) return []
  const votes = await sql.query(
    `SELECT case_id, case_version, reviewer, vote, reason, at FROM review_vote WHERE case_id = ANY($1::text[])
     ORDER BY at, reviewer`,
    [idsOf(rows)],
  )
  return rows.map((row) => toCase(row, votes.filter((vote) => vote['case_id'] === row['id']).map(toVote)))
}

function toVote(row: Row): Vote {
  return {
    reviewer: row['reviewer'] as string,
    vote: row['vote'] as VoteKind,
    reason: row['reason'] as string,
    at: row['at'] as Instant,
    caseVersion: row['case_version'] as number,
  }
}

function toCase(row: Row, votes: readonly Vote[]): ReviewCase {
  return {
    id: row['id'] as Id<'case'>,
    version: row['version'] as number,
    kind: row['kind'] as CaseKind,
    operation: row['operation'] as string,
    transfer: row['transfer'] as string,
    assessment: row['assessment'] as string,
    receipt: row['receipt'] as string | null,
    maker: row['maker'] as string,
    amount: money(row['currency'] as Currency, row['minor'] as bigint),
    facts: row['facts'] as ReviewCase['facts'],
    caseVersion: row['case_version'] as number,
    snapshotHash: row['snapshot_hash'] as string,
    checkedBundle: row['checked_bundle'] as string,
    state: row['state'] as CaseState,
    needed: row['needed'] as number,
    queue: row['queue'] as string,
    priority: PRIORITIES[row['priority'] as number] as Priority,
    assignment: assignmentOf(row),
    openedAt: row['opened_at'] as Instant,
    escalateAt: row['escalate_at'] as Instant | null,
    dueAt: row['due_at'] as Instant,
    onTimeout: row['on_timeout'] as OnTimeout,
    holdExpiresAt: row['hold_expires_at'] as Instant | null,
    closedAt: row['closed_at'] as Instant | null,
    reason: row['reason'] as string | null,
    votes,
  }
}

function assignmentOf(row: Row): Assignment | null {
  const [reviewer, until] = [row['assignee'] as string | null, row['assigned_until'] as Instant | null]
  return reviewer === null || until === null ? null : { reviewer, until }
}
