import type { DeskDecision, ReviewDesk } from '../../adapters/review-desk/review-desk.ts'
import { type Json, sha256 } from '../../kernel/canonical-json.ts'
import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import type { Money } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import { enqueueDelivery } from '../../platform/deliveries.ts'
import type { Log } from '../../platform/log.ts'
import type { Emit, Outbox } from '../../platform/outbox.ts'
import { type DecisionReply, NONCE_REUSED } from './errors.ts'
import { caseFacts, snapshotHashOf } from './facts.ts'
import { type Ballot, type CaseState, dueAtOf, type ReviewCase } from './model.ts'
import * as store from './store.ts'
import { type Change, castBallot, declineOverdue } from './voting.ts'

/** Money that cash flow reserved on our word. */
export type HeldTransfer = {
  readonly operation: string
  readonly transfer: string
  readonly amount: Money
  readonly maker: string
  readonly assessment: string
  readonly heldAt: Instant
  readonly expiresAt: Instant
}

export interface Reviews {
  /** Opens the case of a held transfer: row, timer, message to the desk and event, all or none. */
  open(sql: Sql, emit: Emit, held: HeldTransfer): Promise<void>
  /** Closes the case of a transfer that was moved or released without us, if it is open. */
  withdraw(sql: Sql, transfer: string, reason: string): Promise<void>
  /** The desk's decision, whose signature and shape were checked. The same decision again gets the same answer. */
  decide(decision: DeskDecision, arrived: { readonly body: Uint8Array; readonly headers: Json }): Promise<DecisionReply>
  /** An operator's vote. */
  vote(id: string, ballot: Ballot): Promise<DecisionReply>
  /** Declines open cases whose time is up. @returns how many */
  timeOut(limit: number): Promise<number>
  find(id: string): Promise<ReviewCase | null>
  list(state: CaseState | null, before: string | null, limit: number): Promise<readonly ReviewCase[]>
}

export function createReviews(deps: {
  readonly outbox: Outbox
  readonly clock: Clock
  readonly log: Log
  readonly desk: ReviewDesk
}): Reviews {
  const { outbox, clock, log, desk } = deps
  const change = <T>(work: (change: Change) => Promise<T>): Promise<T> =>
    outbox.transaction((sql, emit) => work({ sql, emit, now: clock.now() }))

  return {
    async open(sql, emit, held) {
      const assessment = await store.findAssessment(sql, held.assessment)
      const review = assessment === null ? null : caseOf(held, assessment, clock.now())
      if (review === null) {
        // Not ours to decide: the hold's own expiry releases the money.
        const { transfer } = held
        log.error({ transfer, assessment: held.assessment }, 'a hold without an assessment that asks for it')
        return
      }
      await store.insertCase(sql, review)
      const { id, operation, transfer, caseVersion, snapshotHash, dueAt, facts } = review
      const notice = desk.noticeOf({ case: id, caseVersion, snapshotHash, dueAt, facts })
      await enqueueDelivery(sql, clock, id, () => notice) // a queue for each case: none holds back another
      const data = { case: id, operation, transfer, dueAt: toRfc3339(dueAt) }
      emit({ type: 'case.opened', subject: id, members: [], data })
    },

    async withdraw(sql, transfer, reason) {
      const review = await store.lockOpenCaseOf(sql, transfer)
      if (review !== null) await store.closeCase(sql, review.id, 'withdrawn', reason, clock.now())
    },

    decide: ({ nonce, case: id, caseVersion, snapshotHash, ...vote }, arrived) =>
      change(async (inOne) => {
        const { sql, now } = inOne
        const body = Buffer.from(arrived.body).toString('utf8')
        if (!(await store.insertDecision(sql, { nonce, body, headers: arrived.headers, receivedAt: now }))) {
          const known = await store.findReply(sql, nonce)
          return known?.bodySha256 === sha256(body) ? known.reply : NONCE_REUSED
        }
        const reply = await castBallot(inOne, id, { ...vote, basis: { caseVersion, snapshotHash } })
        await store.insertReply(sql, nonce, reply)
        return reply
      }),

    vote: (id, ballot) => change((inOne) => castBallot(inOne, id, ballot)),

    async timeOut(limit) {
      const overdue = await change(({ sql, now }) => store.listOverdue(sql, now, limit))
      for (const id of overdue) {
        await change(async (inOne) => {
          const review = await store.lockCase(inOne.sql, id)
          if (review !== null) await declineOverdue(inOne, review) // a vote may have been faster: then nothing
        })
      }
      return overdue.length
    },

    find: (id) => change(({ sql }) => store.findCase(sql, id)),
    list: (state, before, limit) => change(({ sql }) => store.listCases(sql, state, before, limit)),
  }
}

/** Null when the assessment did not ask for a hold. */
function caseOf(held: HeldTransfer, assessment: store.Assessment, now: Instant): ReviewCase | null {
  if (assessment.review === null) return null
  const { heldAt, expiresAt, ...rest } = held
  const facts = caseFacts(assessment.facts, assessment)
  return {
    ...rest,
    id: newId('case', now),
    version: 1,
    facts,
    caseVersion: 1,
    snapshotHash: snapshotHashOf(facts),
    state: 'open',
    needed: assessment.review.approvals,
    openedAt: now,
    dueAt: dueAtOf(heldAt, assessment.review.decideMs, expiresAt),
    closedAt: null,
    reason: null,
    votes: [],
  }
}
