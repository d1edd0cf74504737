import type { NoticeType } from '../../adapters/review-desk/review-desk.ts'
import type { Instant } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import type { Emit } from '../../platform/outbox.ts'
import { type Bundle, SUSPENDED_REVIEWERS } from '../../policy/index.ts'
import { closeCase, insertCaseEvent, insertVote, lockCase, updateCase } from './case-store.ts'
import { lookAgain } from './changed-facts.ts'
import { countApproved } from './counted-transfers.ts'
import { type DecisionReply, NO_SUCH_CASE, replyTo } from './errors.ts'
import { type Ballot, castVote, moreUrgent, type ReviewCase, validVotes } from './model.ts'

/** One transaction at one moment: what is written and what is told are committed together. */
export type Change = {
  readonly sql: Sql
  readonly emit: Emit
  readonly now: Instant
  /** Those in force. */
  readonly policies: Bundle
  /** Queues a message to the desk. */
  tell(type: NoticeType, review: ReviewCase): Promise<void>
}

/** Casts a vote on the locked case, and closes the case when that decides it. */
export async function castBallot(change: Change, id: string, ballot: Ballot): Promise<DecisionReply> {
  const seen = await lockCase(change.sql, id)
  if (seen === null) return NO_SUCH_CASE
  const review = await lookAgain(change, seen)
  // Who votes saw the facts before: an approval would be of what they did not see.
  const isNews = review.caseVersion !== seen.caseVersion
  const suspended = isSuspendedIn(change.policies)
  const outcome = isNews ? ({ kind: 'changed' } as const) : castVote(review, ballot, change.now, suspended)
  if (outcome.kind === 'overdue') await endInTime(change, review)
  if (outcome.kind === 'counted') {
    const { vote, state } = outcome
    await insertVote(change.sql, review.id, vote)
    const { reviewer, vote: kind, reason, at } = vote
    await insertCaseEvent(change.sql, id, { at, actor: reviewer, kind: 'voted', detail: { vote: kind, reason } })
    if (state === 'open') {
      if (review.assignment !== null) await updateCase(change.sql, review, { assignment: null }) // for the next one
    } else {
      const agreeing = [...validVotes(review), vote].filter((each) => each.vote === kind && !suspended(each.reviewer))
      await closeDecided(change, review, { state, reason, reviewers: agreeing.map((each) => each.reviewer) })
    }
  }
  return replyTo(outcome, review)
}

/** Nobody decided in time: what the policy says of that, and the money is released unless it says otherwise. */
export async function endInTime(change: Change, seen: ReviewCase): Promise<void> {
  const { sql, now, emit } = change
  if (seen.state !== 'open') return
  if (seen.onTimeout === 'lapse') {
    if (!(await closeCase(sql, seen.id, 'withdrawn', 'nobody looked in time', now))) return
    await insertCaseEvent(sql, seen.id, closedEvent(now, 'timer', 'withdrawn', 'nobody looked in time'))
    emit({ type: 'case.closed', subject: seen.id, members: [], data: { case: seen.id, state: 'withdrawn' } })
    return
  }
  const review = await lookAgain(change, seen)
  const approves = review.onTimeout === 'approve' && (review.facts.since ?? []).length === 0
  const reason = approves ? 'timed out, below the limit' : 'timed out'
  await closeDecided(change, review, { state: approves ? 'approved' : 'declined', reason, reviewers: [] })
}

/** Half of the time is over, or what the policy says: the case becomes more urgent, and whoever had it loses it. */
export async function escalate({ sql, emit, now, tell }: Change, review: ReviewCase): Promise<void> {
  if (review.state !== 'open' || review.escalateAt === null) return
  const priority = moreUrgent(review.priority)
  const change = { priority, escalateAt: null, assignment: null }
  await updateCase(sql, review, change)
  const detail = { from: review.priority, to: priority, assignee: review.assignment?.reviewer ?? null }
  await insertCaseEvent(sql, review.id, { at: now, actor: 'timer', kind: 'escalated', detail })
  emit({ type: 'case.escalated', subject: review.id, members: [], data: { case: review.id, priority } })
  await tell('review.case.escalated', { ...review, ...change })
}

export function isSuspendedIn({ lists }: Bundle): (reviewer: string) => boolean {
  const list = lists.get(SUSPENDED_REVIEWERS)
  return (reviewer) => list?.kind === 'strings' && list.has(reviewer)
}

type Decided = {
  readonly state: 'approved' | 'declined'
  readonly reason: string
  readonly reviewers: readonly string[]
}

/** Closes a case, if it is open, and says so: where money waits, the event is what makes cash flow post or release it. */
async function closeDecided({ sql, emit, now }: Change, review: ReviewCase, decided: Decided): Promise<void> {
  const { state, reason, reviewers } = decided
  if (!(await closeCase(sql, review.id, state, reason, now))) return
  const { id, operation, transfer, kind } = review
  await insertCaseEvent(sql, id, closedEvent(now, reviewers.at(-1) ?? 'timer', state, reason))
  if (kind === 'held' && state === 'approved') await countApproved(sql, transfer, now)
  const data = { case: id, operation, transfer, reviewers, reason }
  emit(
    kind === 'held'
      ? { type: `review.${state}`, subject: id, members: [], data }
      : { type: 'case.closed', subject: id, members: [], data: { case: id, state } },
  )
}

function closedEvent(at: Instant, actor: string, state: string, reason: string) {
  return { at, actor, kind: 'closed', detail: { state, reason } } as const
}
