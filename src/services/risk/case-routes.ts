import type { ReviewDesk } from '../../adapters/review-desk/review-desk.ts'
import { toRfc3339 } from '../../kernel/clock.ts'
import { isId } from '../../kernel/id.ts'
import { toWire } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import { limitOf, pageOf } from '../../platform/page.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import {
  AssignmentRequest,
  Case,
  CaseDetail,
  CaseList,
  CaseParams,
  CaseQuery,
  NextRequest,
  NoteRequest,
  OperatorVote,
  OwnershipQuery,
  operatorId,
  RawDecisions,
  Unowned,
} from './case-schema.ts'
import type { WorkOutcome } from './desk-work.ts'
import { answerOf, refusalOf } from './errors.ts'
import type { HeldWatch } from './held-watch.ts'
import { approvalsOf, type ReviewCase, validVotes } from './model.ts'
import type { CaseDetail as Detail, Reviews } from './reviews.ts'
import { DecisionAnswer } from './schema.ts'

const MINUTES = 30
const MINUTE_MS = 60_000

/** The desk of operators: what waits, who has it, what they say. */
export function caseRoutes(reviews: Reviews, desk: ReviewDesk, watch: HeldWatch): readonly ServiceRoute[] {
  return [unownedRoute(watch), ...readingRoutes(reviews, desk), ...workRoutes(reviews)]
}

/** Stands before the cases by their ids: `unowned` is none. */
function unownedRoute(watch: HeldWatch): ServiceRoute {
  return route({
    method: 'get',
    path: '/v1/cases/unowned',
    operationId: 'listUnowned',
    summary: 'Held transfers without exactly one open case, its queue and its timer; empty when all is well',
    callers: ['operator'],
    query: OwnershipQuery,
    answers: { 200: Unowned },
    async run({ query: { olderThanS } }) {
      const graceMs = olderThanS === undefined ? undefined : Number(olderThanS) * 1_000
      const { checkedAt, held, unowned } = await watch.check(graceMs)
      const items = unowned.map(({ transfer, heldAt, expiresAt }) => {
        return { transfer, heldAt: toRfc3339(heldAt), expiresAt: toRfc3339(expiresAt) }
      })
      return { status: 200, body: { checkedAt: toRfc3339(checkedAt), held, items, next: null } }
    },
  })
}

function readingRoutes(reviews: Reviews, desk: ReviewDesk): readonly ServiceRoute[] {
  return [
    route({
      method: 'get',
      path: '/v1/cases',
      operationId: 'listCases',
      summary: 'Cases, newest first; of one state, one queue or one reviewer',
      callers: ['operator'],
      query: CaseQuery,
      answers: { 200: CaseList },
      async run({ query: { state = null, queue = null, assignee = null, limit: wanted, cursor } }) {
        const limit = limitOf(wanted)
        const before = cursor === undefined ? null : readCursor(cursor)
        const cases = await reviews.list({ state, queue, assignee }, before, limit + 1)
        return { status: 200, body: pageOf(cases, limit, cursorOf, wireCase) }
      },
    }),
    route({
      method: 'get',
      path: '/v1/cases/:id',
      operationId: 'readCase',
      summary: 'A case with its votes and what happened to it',
      callers: ['operator'],
      params: CaseParams,
      answers: { 200: CaseDetail },
      run: async ({ params }) => ({ status: 200, body: await detailOf(reviews, params.id) }),
    }),
    route({
      method: 'get',
      path: '/v1/cases/:id/decisions',
      operationId: 'listRawDecisions',
      summary: 'The signed decisions on a case, byte for byte as they arrived, verified again as of then',
      callers: ['operator'],
      params: CaseParams,
      answers: { 200: RawDecisions },
      async run({ params }) {
        const decisions = await reviews.decisions(params.id)
        const items = decisions.map(({ nonce, receivedAt, headers, body, reply }) => ({
          ...{ nonce, receivedAt: toRfc3339(receivedAt), headers, body, answer: reply },
          verified: desk.wasSigned(headers as Readonly<Record<string, string>>, body, receivedAt),
        }))
        return { status: 200, body: { items, next: null } }
      },
    }),
  ]
}

function workRoutes(reviews: Reviews): readonly ServiceRoute[] {
  const work = { method: 'post', callers: ['operator'], params: CaseParams } as const
  const answer = async (outcome: WorkOutcome) => {
    const problem = refusalOf(outcome)
    if (outcome.kind !== 'done' || problem !== null) throw problem ?? new Problem('not_found')
    return { status: 200, body: await detailOf(reviews, outcome.review.id) }
  }
  return [
    route({
      ...work,
      path: '/v1/cases/:id/votes',
      operationId: 'voteOnCase',
      summary: "An operator's vote on a case",
      body: OperatorVote,
      answers: { 200: DecisionAnswer },
      async run({ passport, params, body: { caseVersion, ...vote } }) {
        const reviewer = operatorId(passport.principal)
        const basis = caseVersion === undefined ? null : { caseVersion, snapshotHash: null }
        return { status: 200, body: answerOf(await reviews.vote(params.id, { ...vote, reviewer, basis })) }
      },
    }),
    route({
      ...work,
      path: '/v1/cases/:id/assignment',
      operationId: 'assignCase',
      summary: 'Gives a case to a reviewer for some minutes; nobody else decides until then',
      body: AssignmentRequest,
      answers: { 200: CaseDetail },
      async run({ passport, params, body: { reviewer, minutes = MINUTES } }) {
        const by = operatorId(passport.principal)
        return answer(await reviews.assign(params.id, { reviewer: reviewer ?? by, forMs: minutes * MINUTE_MS, by }))
      },
    }),
    route({
      ...work,
      method: 'delete',
      path: '/v1/cases/:id/assignment',
      operationId: 'unassignCase',
      summary: 'Gives a case back to its queue',
      answers: { 200: CaseDetail },
      run: async ({ passport, params }) => answer(await reviews.unassign(params.id, operatorId(passport.principal))),
    }),
    route({
      method: 'post',
      callers: ['operator'],
      path: '/v1/cases/next',
      operationId: 'takeNextCase',
      summary: 'Assigns the most urgent case that nobody has to the operator who asks; 404 when there is none',
      body: NextRequest,
      answers: { 200: Case },
      async run({ passport, body: { queue = null, minutes = MINUTES } }) {
        const reviewer = operatorId(passport.principal)
        const next = await reviews.assignNext({ reviewer, queue, forMs: minutes * MINUTE_MS })
        if (next === null) throw new Problem('not_found', { detail: 'no case waits for you' })
        return { status: 200, body: wireCase(next) }
      },
    }),
    route({
      ...work,
      path: '/v1/cases/:id/notes',
      operationId: 'noteOnCase',
      summary: 'Writes something down on a case',
      body: NoteRequest,
      answers: { 200: CaseDetail },
      run: async ({ passport, params, body }) =>
        answer(await reviews.note(params.id, operatorId(passport.principal), body.text)),
    }),
  ]
}

async function detailOf(reviews: Reviews, id: string) {
  const found = await reviews.find(id)
  if (found === null) throw new Problem('not_found')
  return wireDetail(found)
}

function cursorOf({ id }: ReviewCase): string {
  return Buffer.from(id).toString('base64url')
}

function readCursor(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (!isId('case', id)) throw new Problem('validation_failed', { detail: 'the cursor is not one of ours' })
  return id
}

function wireDetail({ review, history }: Detail) {
  return { ...wireCase(review), history: history.map((event) => ({ ...event, at: toRfc3339(event.at) })) }
}

export function wireCase(review: ReviewCase) {
  const { checkedBundle: _, amount, openedAt, dueAt, escalateAt, holdExpiresAt, closedAt, assignment, ...rest } = review
  return {
    ...rest,
    amount: toWire(amount),
    approvals: approvalsOf(validVotes(review)),
    assignment: assignment && { ...assignment, until: toRfc3339(assignment.until) },
    openedAt: toRfc3339(openedAt),
    escalateAt: escalateAt && toRfc3339(escalateAt),
    dueAt: toRfc3339(dueAt),
    holdExpiresAt: holdExpiresAt && toRfc3339(holdExpiresAt),
    closedAt: closedAt && toRfc3339(closedAt),
    votes: wireVotes(review),
  }
}

function wireVotes({ votes, caseVersion }: ReviewCase) {
  return votes.map((vote) => ({ ...vote, at: toRfc3339(vote.at), void: vote.caseVersion !== caseVersion }))
}

/** What an assessment's reader is told of the case it led to. */
export function wireReview(review: ReviewCase) {
  return { case: review.id, state: review.state, reason: review.reason, votes: wireVotes(review) }
}
