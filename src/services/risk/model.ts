import { assert } from '../../kernel/assert.ts'
import type { Instant } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import type { Money } from '../../kernel/money.ts'
import type { CaseFacts } from './facts.ts'

/** Cases and votes: who may decide, when a case is decided, how long everything lasts. */

export type VoteKind = 'approve' | 'decline'
export type Vote = {
  readonly reviewer: string
  readonly vote: VoteKind
  readonly reason: string
  readonly at: Instant
}

/** `withdrawn`: the money was moved or released by other means before anyone decided. */
export const CASE_STATES = ['open', 'approved', 'declined', 'withdrawn'] as const
export type CaseState = (typeof CASE_STATES)[number]

export type ReviewCase = {
  readonly id: Id<'case'>
  readonly version: number
  readonly operation: string
  readonly transfer: string
  readonly assessment: string
  /** Who asked for the transfer, and so may not decide on it. */
  readonly maker: string
  readonly amount: Money
  readonly facts: CaseFacts
  /** Rises when the facts change; votes leave it alone. */
  readonly caseVersion: number
  readonly snapshotHash: string
  readonly state: CaseState
  /** How many approvals it takes. */
  readonly needed: number
  readonly openedAt: Instant
  readonly dueAt: Instant
  readonly closedAt: Instant | null
  readonly reason: string | null
  readonly votes: readonly Vote[]
}

/** A vote as it is asked for. `basis` is what the reviewer saw; null when it was read from us a moment ago. */
export type Ballot = Omit<Vote, 'at'> & {
  readonly basis: { readonly caseVersion: number; readonly snapshotHash: string } | null
}

export type VoteOutcome =
  | { readonly kind: 'counted'; readonly vote: Vote; readonly state: 'open' | 'approved' | 'declined' }
  | { readonly kind: 'closed' }
  /** Its time is up, though no timer has said so yet. */
  | { readonly kind: 'overdue' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'reviewer_is_maker' }
  | { readonly kind: 'voted_before' }

/** One decline is final; enough approvals of different reviewers, none of them the maker, approve. */
export function castVote(review: ReviewCase, { basis, ...ballot }: Ballot, now: Instant): VoteOutcome {
  if (review.state !== 'open') return { kind: 'closed' }
  if (review.dueAt <= now) return { kind: 'overdue' }
  if (basis !== null && !isPresent(review, basis)) return { kind: 'changed' }
  if (ballot.reviewer === review.maker) return { kind: 'reviewer_is_maker' }
  if (review.votes.some(({ reviewer }) => reviewer === ballot.reviewer)) return { kind: 'voted_before' }
  const vote = { ...ballot, at: now }
  if (vote.vote === 'decline') return { kind: 'counted', vote, state: 'declined' }
  const approved = approvalsOf([...review.votes, vote]) >= review.needed
  return { kind: 'counted', vote, state: approved ? 'approved' : 'open' }
}

export function approvalsOf(votes: readonly Vote[]): number {
  return votes.filter(({ vote }) => vote === 'approve').length
}

function isPresent(review: ReviewCase, basis: NonNullable<Ballot['basis']>): boolean {
  return basis.caseVersion === review.caseVersion && basis.snapshotHash === review.snapshotHash
}

/**
 * How long the money of a held transfer stays reserved: twice as long as a person has to decide, so that a decision in
 * the last moment, and the event that carries it to cash flow, find the hold open.
 */
export function holdMsOf(decideMs: number): number {
  const holdMs = 2 * decideMs
  assert(holdMs > decideMs, 'a hold expires later than the timer of its case')
  return holdMs
}

/**
 * When a case is due: `decideMs` after the money was held, not after we heard of it. Never as late as the hold's own
 * expiry, since an approval after that would move nothing.
 */
export function dueAtOf(heldAt: Instant, decideMs: number, holdExpiresAt: Instant): Instant {
  return Math.min(heldAt + decideMs, holdExpiresAt - 1) as Instant
}
