import type { DeskDecision, NoticeType, ReviewDesk } from '../../adapters/review-desk/review-desk.ts'
import { type Json, sha256 } from '../../kernel/canonical-json.ts'
import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Money } from '../../kernel/money.ts'
import type { Sql } from '../../platform/database.ts'
import { enqueueDelivery } from '../../platform/delivery-queue.ts'
import type { Log } from '../../platform/log.ts'
import type { Emit, Outbox } from '../../platform/outbox.ts'
import type { Bundle } from '../../policy/index.ts'
import * as cases from './case-store.ts'
import { learn, lookAgain } from './changed-facts.ts'
import { assign, assignNext, note, unassign, type WorkOutcome } from './desk-work.ts'
import { type DecisionReply, NONCE_REUSED } from './errors.ts'
import type { News } from './facts.ts'
import { labelAssessment, listRecorded, type RecordedQuery } from './labels.ts'
import type { Ballot, ReviewCase } from './model.ts'
import { caseOfHeld, caseOfPassed } from './opening.ts'
import type { Terms } from './product-terms.ts'
import * as store from './store.ts'
import { type Change, castBallot, endInTime, escalate } from './voting.ts'

/** Money that cash flow reserved on our word. */
export type HeldTransfer = {
  readonly operation: string
  readonly transfer: string
  readonly amount: Money
  readonly maker: string
  readonly assessment: string
  readonly receipt: string | null
  /** The versions of products that it was judged by. */
  readonly terms: readonly Terms[]
  readonly heldAt: Instant
  readonly expiresAt: Instant
}

export type CaseDetail = { readonly review: ReviewCase; readonly history: readonly cases.CaseEvent[] }

export interface Reviews {
  /** Opens the case of a held transfer: row, timer, message to the desk and event, all or none. */
  open(sql: Sql, emit: Emit, held: HeldTransfer): Promise<void>
  /**
   * Money has moved, or was released. Closes the open case of a transfer that this happened to without us, and opens the case
   * of one that was to pass and be looked at later.
   */
  settle(sql: Sql, emit: Emit, moved: { readonly transfer: string; readonly how: string }): Promise<void>
  /** Of these transfers, those that `settle` has something to do for. */
  waitingOf(sql: Sql, transfers: readonly string[]): Promise<Set<string>>
  /** What another service told: open cases that it concerns have other facts. */
  learn(sql: Sql, emit: Emit, news: News, from: string): Promise<void>
  /** The desk's decision, whose signature and shape were checked. The same decision again gets the same answer. */
  decide(decision: DeskDecision, arrived: { readonly body: Uint8Array; readonly headers: Json }): Promise<DecisionReply>
  /** An operator's vote. */
  vote(id: string, ballot: Ballot): Promise<DecisionReply>
  assign(
    id: string,
    to: { readonly reviewer: string; readonly forMs: number; readonly by: string },
  ): Promise<WorkOutcome>
  assignNext(to: {
    readonly reviewer: string
    readonly queue: string | null
    readonly forMs: number
  }): Promise<ReviewCase | null>
  unassign(id: string, by: string): Promise<WorkOutcome>
  note(id: string, by: string, text: string): Promise<WorkOutcome>
  /** Ends open cases whose time is up and escalates those whose time it is. @returns how many were looked at */
  runTimers(limit: number): Promise<number>
  /** Looks at open cases again that other policies, or terms of products, were in force for. @returns how many were looked at */
  lookAgain(limit: number): Promise<number>
  find(id: string): Promise<CaseDetail | null>
  findOf(assessment: string): Promise<ReviewCase | null>
  list(filter: cases.CaseFilter, before: string | null, limit: number): Promise<readonly ReviewCase[]>
  /** What a transfer turned out to be, by its assessment; null when there is none. */
  label(id: string, label: Parameters<typeof labelAssessment>[2]): ReturnType<typeof labelAssessment>
  /** Assessments to try other policies on. */
  recorded(query: RecordedQuery): ReturnType<typeof listRecorded>
  /** The desk's decisions on a case as they arrived. */
  decisions(id: string): Promise<readonly (store.ArrivedDecision & { readonly reply: DecisionReply })[]>
}

const HISTORY_MAX = 500
const DECISIONS_MAX = 100

export function createReviews(deps: {
  readonly outbox: Outbox
  readonly clock: Clock
  readonly log: Log
  readonly desk: ReviewDesk
  readonly bundle: () => Bundle
}): Reviews {
  const { outbox, clock, log, desk, bundle } = deps
  const changeIn = (sql: Sql, emit: Emit): Change => {
    const tell = (type: NoticeType, review: ReviewCase): Promise<void> => {
      const notice = desk.noticeOf(type, { ...review, case: review.id })
      return enqueueDelivery(sql, clock, review.id, () => notice) // a queue for each case: none holds back another
    }
    return { sql, emit, now: clock.now(), policies: bundle(), tell }
  }
  const change = <T>(work: (change: Change) => Promise<T>): Promise<T> =>
    outbox.transaction((sql, emit) => work(changeIn(sql, emit)))
  const begin = async ({ sql, emit, now, tell }: Change, review: ReviewCase): Promise<void> => {
    await cases.insertCase(sql, review)
    const { id, operation, transfer, dueAt, queue, priority, kind } = review
    await cases.insertCaseEvent(sql, id, { at: now, actor: 'policies', kind: 'opened', detail: { queue, priority } })
    await tell('review.case.opened', review)
    const data = { case: id, kind, operation, transfer, dueAt: toRfc3339(dueAt) }
    emit({ type: 'case.opened', subject: id, members: [], data })
  }
  /** Each in a transaction of its own; a vote may have been faster, then nothing. */
  const each = async (ids: readonly string[], work: (change: Change, review: ReviewCase) => Promise<unknown>) => {
    for (const id of ids) {
      await change(async (inOne) => {
        const review = await cases.lockCase(inOne.sql, id)
        if (review !== null) await work(inOne, review)
      })
    }
    return ids.length
  }

  return {
    async open(sql, emit, held) {
      const inOne = changeIn(sql, emit)
      const review = caseOfHeld(held, await store.findAssessment(sql, held.assessment), inOne.now)
      if (review !== null) return begin(inOne, review)
      // Not ours to decide: the hold's own expiry releases the money, and the watch over holds says that it waits.
      const { transfer } = held
      log.error({ transfer, assessment: held.assessment }, 'a hold without an assessment that asks for it')
    },

    async settle(sql, emit, { transfer, how }) {
      const inOne = changeIn(sql, emit)
      const review = await cases.lockOpenCaseOf(sql, transfer)
      if (review !== null && (await cases.closeCase(sql, review.id, 'withdrawn', how, inOne.now))) {
        const detail = { state: 'withdrawn', reason: how }
        await cases.insertCaseEvent(sql, review.id, { at: inOne.now, actor: 'cash-flow', kind: 'closed', detail })
      }
      const assessment = how === 'posted' ? await store.takeLookLater(sql, transfer) : null
      const passed = assessment === null ? null : caseOfPassed(transfer, assessment, inOne.now)
      if (passed !== null) await begin(inOne, passed)
    },

    waitingOf: store.waitingOf,

    learn: (sql, emit, news, from) => learn(changeIn(sql, emit), news, from),

    decide: ({ nonce, case: id, caseVersion, snapshotHash, ...vote }, { body: bytes, headers }) =>
      change(async (inOne) => {
        const { sql, now } = inOne
        const body = Buffer.from(bytes).toString('utf8')
        if (!(await store.insertDecision(sql, { nonce, case: id, body, headers, receivedAt: now }))) {
          const known = await store.findReply(sql, nonce)
          return known?.bodySha256 === sha256(body) ? known.reply : NONCE_REUSED
        }
        const reply = await castBallot(inOne, id, { ...vote, basis: { caseVersion, snapshotHash } })
        await store.insertReply(sql, nonce, reply)
        return reply
      }),

    vote: (id, ballot) => change((inOne) => castBallot(inOne, id, ballot)),
    assign: (id, to) => change((inOne) => assign(inOne, id, to)),
    assignNext: (to) => change((inOne) => assignNext(inOne, to)),
    unassign: (id, by) => change((inOne) => unassign(inOne, id, by)),
    note: (id, by, text) => change((inOne) => note(inOne, id, by, text)),

    async runTimers(limit) {
      const due = await change(({ sql, now }) => cases.listDue(sql, now, limit))
      return each(due, (inOne, review) =>
        review.dueAt <= inOne.now ? endInTime(inOne, review) : escalate(inOne, review),
      )
    },

    async lookAgain(limit) {
      const unchecked = await change(({ sql, policies }) => cases.listUnchecked(sql, policies.digest, limit))
      return each(unchecked, lookAgain)
    },

    find: (id) =>
      change(async ({ sql }) => {
        const review = await cases.findCase(sql, id)
        return review && { review, history: await cases.listCaseEvents(sql, id, HISTORY_MAX) }
      }),
    findOf: (assessment) => change(({ sql }) => cases.findCaseOf(sql, assessment)),
    list: (filter, before, limit) => change(({ sql }) => cases.listCases(sql, filter, before, limit)),
    label: (id, label) => change((inOne) => labelAssessment(inOne, id, label)),
    recorded: (query) => change(({ sql }) => listRecorded(sql, query)),
    decisions: (id) => change(({ sql }) => store.listDecisions(sql, id, DECISIONS_MAX)),
  }
}
