import { Type } from 'typebox'
import { Decision, type ReviewDesk } from '../../adapters/review-desk/review-desk.ts'
import { toRfc3339 } from '../../kernel/clock.ts'
import { isId } from '../../kernel/id.ts'
import { toWire } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import { limitOf, pageOf } from '../../platform/page.ts'
import type { Principal } from '../../platform/passport.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { readAmount } from '../../platform/wire.ts'
import type { Assessments } from './assessments.ts'
import { answerOf } from './errors.ts'
import { approvalsOf, holdMsOf, type ReviewCase } from './model.ts'
import type { Reviews } from './reviews.ts'
import {
  AssessmentAnswer,
  AssessmentDetail,
  AssessmentParams,
  AssessmentRequest,
  BudgetList,
  Case,
  CaseList,
  CaseParams,
  CaseQuery,
  Conflict,
  DecisionAnswer,
  OperatorVote,
} from './schema.ts'
import type { Assessment as StoredAssessment } from './store.ts'

export function createRoutes(assessments: Assessments, reviews: Reviews, desk: ReviewDesk): readonly ServiceRoute[] {
  return [
    ...assessmentRoutes(assessments),
    budgetRoute(assessments),
    decisionRoute(reviews, desk),
    ...caseRoutes(reviews),
  ]
}

function assessmentRoutes(assessments: Assessments): readonly ServiceRoute[] {
  return [
    route({
      method: 'post',
      path: '/v1/assessments',
      operationId: 'assess',
      summary: 'What risk control says of a transfer; the same again for the same Idempotency-Key',
      callers: ['service'],
      body: AssessmentRequest,
      answers: { 200: Type.Union([AssessmentAnswer, Conflict]) },
      async run({ passport, body }) {
        if (passport.principal.kind !== 'service' || passport.principal.id !== 'edge') throw new Problem('not_found')
        const amount = readAmount(body.transfer.amount, '/transfer/amount')
        const outcome = await assessments.assess({ ...body, amount })
        if (outcome.kind === 'conflict') return { status: 200, body: { outcome: 'conflict' } }
        const { assessment, replayed } = outcome
        const considered = assessment.considered.map(({ detail: _, ...mattered }) => mattered)
        return { status: 200, body: { ...wireAssessment(assessment), replayed, considered } }
      },
    }),
    route({
      method: 'get',
      path: '/v1/assessments/:id',
      operationId: 'readAssessment',
      summary: 'An assessment and what it was decided on',
      callers: ['operator'],
      params: AssessmentParams,
      answers: { 200: AssessmentDetail },
      async run({ params }) {
        const found = await assessments.find(params.id)
        if (found === null) throw new Problem('not_found')
        const { member, receipt, bundle, considered, facts, fault, at } = found
        return {
          status: 200,
          body: { ...wireAssessment(found), member, receipt, bundle, considered, facts, fault, at: toRfc3339(at) },
        }
      },
    }),
  ]
}

function budgetRoute(assessments: Assessments): ServiceRoute {
  return route({
    method: 'get',
    path: '/v1/budgets',
    operationId: 'listBudgets',
    summary: 'What may still pass unchecked while nobody answers; empty when no policy has a budget',
    callers: ['operator', 'service'],
    answers: { 200: BudgetList },
    async run() {
      const budgets = await assessments.budgets()
      const items = budgets.map(({ callee, budget: { perMs, count, amount }, left }) => ({
        callee,
        perMs,
        count: { limit: count, left: left.count },
        amount: { limit: toWire(amount), left: toWire(left.amount) },
      }))
      return { status: 200, body: { items, next: null } }
    },
  })
}

/** The desk's callback. It has no token; the signature over the raw body is what counts, and comes first. */
function decisionRoute(reviews: Reviews, desk: ReviewDesk): ServiceRoute {
  return route({
    method: 'post',
    path: '/v1/reviews/decisions',
    operationId: 'decide',
    summary: "The review desk's decision on a case, signed (Standard Webhooks, v1a)",
    callers: ['anonymous'],
    body: Decision,
    readsRawBody: true,
    answers: { 200: DecisionAnswer },
    async run({ headers, rawBody }) {
      const decision = desk.readDecision(headers, rawBody)
      const kept = Object.entries(headers).filter(([name]) => name.startsWith('webhook-'))
      const reply = await reviews.decide(decision, { body: rawBody, headers: Object.fromEntries(kept) })
      return { status: 200, body: answerOf(reply) }
    },
  })
}

function caseRoutes(reviews: Reviews): readonly ServiceRoute[] {
  return [
    route({
      method: 'get',
      path: '/v1/cases',
      operationId: 'listCases',
      summary: 'Cases, newest first',
      callers: ['operator'],
      query: CaseQuery,
      answers: { 200: CaseList },
      async run({ query }) {
        const limit = limitOf(query.limit)
        const before = query.cursor === undefined ? null : readCursor(query.cursor)
        const cases = await reviews.list(query.state ?? null, before, limit + 1)
        return { status: 200, body: pageOf(cases, limit, cursorOf, wireCase) }
      },
    }),
    route({
      method: 'get',
      path: '/v1/cases/:id',
      operationId: 'readCase',
      summary: 'A case with its votes',
      callers: ['operator'],
      params: CaseParams,
      answers: { 200: Case },
      async run({ params }) {
        const found = await reviews.find(params.id)
        if (found === null) throw new Problem('not_found')
        return { status: 200, body: wireCase(found) }
      },
    }),
    route({
      method: 'post',
      path: '/v1/cases/:id/votes',
      operationId: 'voteOnCase',
      summary: "An operator's vote on a case",
      callers: ['operator'],
      params: CaseParams,
      body: OperatorVote,
      answers: { 200: DecisionAnswer },
      async run({ passport, params, body }) {
        const reviewer = operatorId(passport.principal)
        const reply = await reviews.vote(params.id, { ...body, reviewer, basis: null })
        return { status: 200, body: answerOf(reply) }
      },
    }),
  ]
}

function operatorId(principal: Principal): string {
  if (principal.kind !== 'operator') throw new Problem('not_found')
  return principal.id
}

function cursorOf({ id }: ReviewCase): string {
  return Buffer.from(id).toString('base64url')
}

function readCursor(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (!isId('case', id)) throw new Problem('validation_failed', { detail: 'the cursor is not one of ours' })
  return id
}

function wireAssessment(assessment: StoredAssessment) {
  const { id, outcome, rule, reasons, remedy, tells, change, tags, unchecked, review, facts, seqId } = assessment
  const { status, decision, score } = facts.provider
  return {
    ...{ id, version: 1, outcome, rule, reasons, remedy, tells, change, tags, unchecked },
    ...(review === null ? {} : { holdMs: holdMsOf(review.decideMs) }),
    provider: { status, decision, score, seqId },
  }
}

function wireCase({ amount, openedAt, dueAt, closedAt, votes, ...rest }: ReviewCase) {
  return {
    ...rest,
    amount: toWire(amount),
    approvals: approvalsOf(votes),
    openedAt: toRfc3339(openedAt),
    dueAt: toRfc3339(dueAt),
    closedAt: closedAt === null ? null : toRfc3339(closedAt),
    votes: votes.map((vote) => ({ ...vote, at: toRfc3339(vote.at) })),
  }
}
