import { assert } from '../../kernel/assert.ts'
import { type Json, sha256 } from '../../kernel/canonical-json.ts'
import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import { type Currency, type Money, money, parseMoney, toWire, type WireMoney } from '../../kernel/money.ts'
import type { Row, Sql } from '../../platform/database.ts'
import { type Considered, type HoldTerms, holdTerms, type RiskVerdict, type Tells } from '../../policy/index.ts'
import type { DecisionReply } from './errors.ts'
import type { StoredFacts } from './facts.ts'

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
  /** With `hold` and `review`: who is asked, and how long they have. */
  readonly terms: HoldTerms | null
}

export async function insertAssessment(sql: Sql, a: Assessment): Promise<void> {
  await sql.query(
    `INSERT INTO assessment (id, member, idempotency_key, body_sha256, receipt, at, currency, minor, outcome, rule,
       reasons, considered, bundle, facts, seq_id, fault, approvals, decide_ms, unchecked, remedy, tells, tags, change, terms, payee, device)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12::jsonb, $13, $14::jsonb, $15, $16, $17, $18, $19,
       $20, $21, $22::jsonb, $23, $24::jsonb, $25, $26)`,
    [
      ...[a.id, a.member, a.idempotencyKey, a.bodySha256, a.receipt, toRfc3339(a.at)],
      ...[a.amount.currency, a.amount.minor, a.outcome, a.rule, JSON.stringify(a.reasons)],
      ...[JSON.stringify(a.considered), a.bundle, JSON.stringify(a.facts), a.seqId, a.fault],
      ...(a.outcome === 'hold' ? [a.terms?.approvals ?? null, a.terms?.holdMs ?? null] : [null, null]),
      ...[a.unchecked, a.remedy, a.tells, JSON.stringify(a.tags), a.change],
      a.terms === null ? null : JSON.stringify(writtenTerms(a.terms)),
      ...[a.facts.transfer.to, a.facts.device.id === '' ? null : a.facts.device.id],
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

/** Keeps in mind that a transfer is to be looked at once it has moved its money. */
export async function insertLookLater(sql: Sql, transfer: string, assessment: string): Promise<void> {
  await sql.query('INSERT INTO look_later (transfer, assessment) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    transfer,
    assessment,
  ])
}

/** Of these transfers, those whose money an open case, or a look at it later, waits for. */
export async function waitingOf(sql: Sql, transfers: readonly string[]): Promise<Set<string>> {
  if (transfers.length === 0) return new Set()
  const rows = await sql.query<{ transfer: string }>(
    `SELECT transfer FROM review_case WHERE transfer = ANY ($1::text[]) AND state = 'open' AND kind = 'held'
     UNION ALL SELECT transfer FROM look_later WHERE transfer = ANY ($1::text[])`,
    [transfers],
  )
  return new Set(rows.map(({ transfer }) => transfer))
}

/** The assessment that asked for a look at this transfer; asked once. */
export async function takeLookLater(sql: Sql, transfer: string): Promise<Assessment | null> {
  const [row] = await sql.query<{ assessment: string }>(
    'DELETE FROM look_later WHERE transfer = $1 RETURNING assessment',
    [transfer],
  )
  return row === undefined ? null : findAssessment(sql, row.assessment)
}

export type ArrivedDecision = {
  readonly nonce: string
  readonly case: string
  readonly body: string
  readonly headers: Json
  readonly receivedAt: Instant
}

/** Keeps a decision as it arrived. False when its nonce is known: waits for whoever is writing it, then sees it. */
export async function insertDecision(sql: Sql, arrived: ArrivedDecision): Promise<boolean> {
  const rows = await sql.query(
    `INSERT INTO decision (nonce, case_id, body, headers, received_at) VALUES ($1, $2, $3, $4::jsonb, $5)
     ON CONFLICT DO NOTHING RETURNING nonce`,
    [arrived.nonce, arrived.case, arrived.body, JSON.stringify(arrived.headers), toRfc3339(arrived.receivedAt)],
  )
  return rows.length > 0
}

export async function insertReply(sql: Sql, nonce: string, reply: DecisionReply): Promise<void> {
  await sql.query('INSERT INTO decision_answer (nonce, answer) VALUES ($1, $2::json)', [nonce, JSON.stringify(reply)])
}

/** The decisions on a case as they arrived, oldest first, each with its answer; older than queues are none. */
export async function listDecisions(
  sql: Sql,
  caseId: string,
  limit: number,
): Promise<readonly (ArrivedDecision & { readonly reply: DecisionReply })[]> {
  const rows = await sql.query(
    `SELECT nonce, case_id, body, headers, received_at, answer FROM decision JOIN decision_answer USING (nonce)
     WHERE case_id = $1 ORDER BY received_at, nonce LIMIT $2`,
    [caseId, limit],
  )
  return rows.map((row) => ({
    nonce: row['nonce'] as string,
    case: row['case_id'] as string,
    body: row['body'] as string,
    headers: row['headers'] as Json,
    receivedAt: row['received_at'] as Instant,
    reply: row['answer'] as DecisionReply,
  }))
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

type WrittenTerms = Omit<HoldTerms, 'approvesBelow'> & { readonly approvesBelow: WireMoney | null }

function writtenTerms({ approvesBelow, ...terms }: HoldTerms): WrittenTerms {
  return { ...terms, approvesBelow: approvesBelow === null ? null : toWire(approvesBelow) }
}

/** What was stored before there were queues says only how many must approve, and until when. */
function termsOf(row: Row): HoldTerms | null {
  const written = row['terms'] as WrittenTerms | null
  const approvals = row['approvals'] as number | null
  if (written === null) return approvals === null ? null : holdTerms(approvals, Number(row['decide_ms']))
  const approvesBelow = written.approvesBelow === null ? null : parseMoney(written.approvesBelow)
  assert(typeof approvesBelow !== 'string', 'a limit that was stored is money')
  return { ...written, approvesBelow }
}

export function toAssessment(row: Row): Assessment {
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
    terms: termsOf(row),
  }
}
