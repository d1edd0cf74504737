import { Problem, type ProblemCode } from '../../kernel/problem.ts'
import { approvalsOf, type CaseState, type ReviewCase, type VoteOutcome } from './model.ts'
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
      const approvals = approvalsOf([...review.votes, vote])
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
      return { kind: 'refused', code: 'case_closed', detail: 'the time to decide is over', state: present('declined') }
    case 'changed':
      return { kind: 'refused', code: 'case_changed', detail: 'the case has other facts now', state: present('open') }
    case 'reviewer_is_maker':
      return { kind: 'refused', code: 'reviewer_not_allowed', detail: 'the reviewer made this transfer' }
    case 'voted_before':
      return { kind: 'refused', code: 'reviewer_not_allowed', detail: 'the reviewer has voted on this case' }
  }
}

/** @throws Problem for a refusal */
export function answerOf(reply: DecisionReply): DecisionAnswer {
  if (reply.kind === 'answered') return reply.body
  const { code, detail, state } = reply
  throw new Problem(code, state === undefined ? { detail } : { detail, state })
}
