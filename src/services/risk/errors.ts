import { toRfc3339 } from '../../kernel/clock.ts'
import { Problem, type ProblemCode } from '../../kernel/problem.ts'
import type { WorkOutcome } from './desk-work.ts'
import type { Since } from './facts.ts'
import { approvalsOf, type CaseState, type ReviewCase, type VoteOutcome, validVotes } from './model.ts'
import type { DecisionAnswer } from './schema.ts'

/** Where a case stands, for a reviewer whose vote came too late. */
type PresentState = {
  readonly case: string
  readonly state: CaseState
  readonly caseVersion: number
  readonly snapshotHash: string
}

/** What a vote is answered; stored with its nonce, so that the same decision gets the same answer again. */
export type DecisionReply =
  | { readonly kind: 'answered'; readonly body: DecisionAnswer }
  | {
      readonly kind: 'refused'
      readonly code: ProblemCode
      readonly detail: string
      readonly state?: PresentState
    }

export const NO_SUCH_CASE: DecisionReply = { kind: 'refused', code: 'not_found', detail: 'no such case' }
export const NONCE_REUSED: DecisionReply = {
  kind: 'refused',
  code: 'nonce_reused',
  detail: 'a decision with another body came with this nonce',
}

/** The answer to a vote on `review`, as the case stands after it. */
export function replyTo(outcome: VoteOutcome, review: ReviewCase): DecisionReply {
  const { id, caseVersion, snapshotHash } = review
  const present = (state: CaseState): PresentState => ({ case: id, state, caseVersion, snapshotHash })
  switch (outcome.kind) {
    case 'counted': {
      const { vote, state } = outcome
      const approvals = approvalsOf([...validVotes(review), vote])
      return { kind: 'answered', body: { case: id, state, approvals, needed: review.needed, vote: vote.vote } }
    }
    case 'closed':
      return {
        kind: 'refused',
        code: 'case_closed',
        detail: `the case is ${review.state}`,
        state: present(review.state),
      }
    case 'overdue':
      return {
        kind: 'refused',
        code: 'case_closed',
        detail: 'the time to decide is over',
        state: present(endOf(review)),
      }
    case 'changed':
      return { kind: 'refused', code: 'case_changed', detail: newsOf(review), state: present('open') }
    case 'reviewer_is_maker':
      return { kind: 'refused', code: 'reviewer_not_allowed', detail: 'the reviewer made this transfer' }
    case 'reviewer_suspended':
      return { kind: 'refused', code: 'reviewer_not_allowed', detail: 'the reviewer is suspended' }
    case 'assigned': {
      const { reviewer, until } = outcome.to
      const detail = `the case is assigned to ${reviewer} until ${toRfc3339(until)}`
      return { kind: 'refused', code: 'reviewer_not_allowed', detail }
    }
    case 'voted_before':
      return { kind: 'refused', code: 'reviewer_not_allowed', detail: 'the reviewer has voted on this case' }
  }
}

/** Why work on a case is refused; null when it was done. */
export function refusalOf(outcome: WorkOutcome): Problem | null {
  switch (outcome.kind) {
    case 'done':
      return null
    case 'no_such_case':
      return new Problem('not_found', { detail: 'no such case' })
    case 'closed': {
      const { id, state, caseVersion, snapshotHash } = outcome.review
      const present: PresentState = { case: id, state, caseVersion, snapshotHash }
      const detail = state === 'open' ? 'the time to decide is over' : `the case is ${state}`
      return new Problem('case_closed', { detail, state: present })
    }
    case 'reviewer_is_maker':
      return new Problem('reviewer_not_allowed', { detail: 'the reviewer made this transfer' })
    case 'reviewer_suspended':
      return new Problem('reviewer_not_allowed', { detail: 'the reviewer is suspended' })
    case 'taken': {
      const { reviewer, until } = outcome.by
      return new Problem('conflict', { detail: `the case is assigned to ${reviewer} until ${toRfc3339(until)}` })
    }
  }
}

/** How a case ends that nobody decided in time, as far as it is known before it does. */
function endOf({ onTimeout }: ReviewCase): CaseState {
  return onTimeout === 'approve' ? 'approved' : onTimeout === 'lapse' ? 'withdrawn' : 'declined'
}

/** What is different since the reviewer looked. */
function newsOf({ facts, caseVersion }: ReviewCase): string {
  const news = facts.since?.at(-1)
  const what = news === undefined ? 'other facts' : `other facts: ${inWords(news)}`
  return `the case has version ${caseVersion} and ${what}; votes on the one before are void`
}

function inWords(news: Since): string {
  switch (news.what) {
    case 'policies':
      return `${news.outcome} by ${news.rule}`
    case 'label':
      return `another payment to the payee is ${news.label}`
    case 'standing':
      return `${news.member} is ${news.status}, of level ${news.level}`
    case 'terms':
      return `${news.product} has version ${news.version}`
    case 'credit_line':
      return `the credit line of ${news.account} is ${news.creditLine.value} ${news.creditLine.currency}`
  }
}

/** @throws Problem for a refusal, with these headers */
export function answerOf(reply: DecisionReply, headers: Readonly<Record<string, string>> = {}): DecisionAnswer {
  if (reply.kind === 'answered') return reply.body
  const { code, detail, state } = reply
  throw new Problem(code, { detail, headers, ...(state === undefined ? {} : { state }) })
}
