import { Type } from 'typebox'
import { Decision, type ReviewDesk } from '../../adapters/review-desk/review-desk.ts'
import { toRfc3339 } from '../../kernel/clock.ts'
import { toWire } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import { remarkHeaders } from '../../platform/receipt-remark.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { readAmount } from '../../platform/wire.ts'
import type { Assessments } from './assessments.ts'
import { caseRoutes, wireReview } from './case-routes.ts'
import { answerOf } from './errors.ts'
import { figuresRoute } from './figures-route.ts'
import { labelRoutes } from './label-routes.ts'
import { holdMsOf } from './model.ts'
import type { Reviews } from './reviews.ts'
import {
  AssessmentAnswer,
  AssessmentDetail,
  AssessmentParams,
  AssessmentRequest,
  BudgetList,
  Conflict,
  DecisionAnswer,
  ProviderDetails,
} from './schema.ts'
import type { RiskService } from './service.ts'
import type { Assessment as StoredAssessment } from './store.ts'

export function createRoutes({
  assessments,
  reviews,
  desk,
  watch,
  figures,
}: Pick<RiskService, 'assessments' | 'reviews' | 'desk' | 'watch' | 'figures'>): readonly ServiceRoute[] {
  return [
    ...assessmentRoutes(assessments, reviews),
    providerRoute(assessments),
    ...labelRoutes(reviews),
    budgetRoute(assessments),
    decisionRoute(reviews, desk),
    figuresRoute(figures),
    ...caseRoutes(reviews, desk, watch),
  ]
}

function assessmentRoutes(assessments: Assessments, reviews: Reviews): readonly ServiceRoute[] {
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
        const more = { member, receipt, bundle, considered, facts, fault, at: toRfc3339(at) }
        const review = await reviews.findOf(found.id)
        return { status: 200, body: { ...wireAssessment(found), ...more, review: review && wireReview(review) } }
      },
    }),
  ]
}

/** Asked of the provider at each call, which costs nothing there; the id is the one that its answer had. */
function providerRoute(assessments: Assessments): ServiceRoute {
  return route({
    method: 'get',
    path: '/v1/assessments/:id/provider',
    operationId: 'readProviderDetails',
    summary:
      "What the fraud provider's rules saw, by a second call under the id of its score; null when it does not say",
    callers: ['operator'],
    params: AssessmentParams,
    answers: { 200: ProviderDetails },
    async run({ params, signal }) {
      const found = await assessments.find(params.id)
      if (found === null) throw new Problem('not_found')
      const { seqId } = found
      return { status: 200, body: { seqId, details: seqId === null ? null : await assessments.details(seqId, signal) } }
    },
  })
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
      const { case: about, reviewer, vote } = decision
      const remark = remarkHeaders({ case: about, reviewer, vote })
      return { status: 200, body: answerOf(reply, remark), headers: remark }
    },
  })
}

function wireAssessment(assessment: StoredAssessment) {
  const { id, outcome, rule, reasons, remedy, tells, change, tags, unchecked, terms, facts, seqId } = assessment
  const { status, decision, score } = facts.provider
  return {
    ...{ id, version: 1, outcome, rule, reasons, remedy, tells, change, tags, unchecked },
    ...(outcome === 'hold' && terms !== null ? { holdMs: holdMsOf(terms.holdMs) } : {}),
    provider: { status, decision, score, seqId },
  }
}
