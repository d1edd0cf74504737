import type { Instant } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import type { Emit } from '../../platform/outbox.ts'
import { type DecisionReply, NO_SUCH_CASE, replyTo } from './errors.ts'
import { type Ballot, castVote, type ReviewCase } from './model.ts'
import { closeCase, insertVote, lockCase } from './store.ts'

/** One transaction at one moment: what is written and what is told are committed together. */
export type Change = { readonly sql: Sql; readonly emit: Emit; readonly now: Instant }

/** Casts a vote on the locked case, and closes the case when that decides it. */
export async function castBallot(change: Change, id: string, ballot: Ballot): Promise<DecisionReply> {
  const review = await lockCase(change.sql, id)
  if (review === null) return NO_SUCH_CASE
  const outcome = castVote(review, ballot, change.now)
  if (outcome.kind === 'overdue') await declineOverdue(change, review)
  if (outcome.kind === 'counted') {
    const { vote, state } = outcome
    await insertVote(change.sql, review.id, vote)
    const agreeing = [...review.votes, vote].filter((each) => each.vote === vote.vote)
    const reviewers = agreeing.map(({ reviewer }) => reviewer)
    if (state !== 'open') await closeDecided(change, review, { state, reason: vote.reason, reviewers })
  }
  return replyTo(outcome, review)
}

/** Nobody decided in time: the money is released. */
export function declineOverdue(change: Change, review: ReviewCase): Promise<void> {
  return closeDecided(change, review, { state: 'declined', reason: 'timed out', reviewers: [] })
}

type Decided = {
  readonly state: 'approved' | 'declined'
  readonly reason: string
  readonly reviewers: readonly string[]
}

/** Closes a case, if it is open, and says so: the event is what makes cash flow post or release the money. */
async function closeDecided({ sql, emit, now }: Change, review: ReviewCase, decided: Decided): Promise<void> {
  const { state, reason, reviewers } = decided
  if (!(await closeCase(sql, review.id, state, reason, now))) return
  const { id, operation, transfer } = review
  const data = { case: id, operation, transfer, reviewers, reason }
  emit({ type: `review.${state}`, subject: id, members: [], data })
}
