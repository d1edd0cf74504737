import { assert } from '../../kernel/assert.ts'
import type { Instant } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import { compareMoney, type Money } from '../../kernel/money.ts'
import { PRIORITIES, type Priority } from '../../policy/index.ts'
import type { CaseFacts } from './facts.ts'

/** Cases and votes: who may decide, when a case is decided, how long everything lasts. */

export type VoteKind = 'approve' | 'decline'
export type Vote = {
  readonly reviewer: string
  readonly vote: VoteKind
  readonly reason: string
  readonly at: Instant
  /** Of the facts that it is about. When the case has another, the vote is void. */
  readonly caseVersion: number
}

/** `withdrawn`: the money was moved or released by other means before anyone decided, or nobody looked at what had passed. */
export const CASE_STATES = ['open', 'approved', 'declined', 'withdrawn'] as const
export type CaseState = (typeof CASE_STATES)[number]

/** `held`: money waits for the decision. `passed`: the money has moved, and somebody looks at it later. */
export const CASE_KINDS = ['held', 'passed'] as const
export type CaseKind = (typeof CASE_KINDS)[number]

/** What becomes of a case that nobody decides in time; what had passed already lapses. */
export type OnTimeout = 'decline' | 'approve' | 'lapse'

export type ReviewCase = {
  readonly id: Id<'case'>
  readonly version: number
  readonly kind: CaseKind
  readonly operation: string
  readonly transfer: string
  readonly assessment: string
  /** Of the request that made the transfer. */
  readonly receipt: string | null
  /** Who asked for the transfer, and so may not decide on it. */
  readonly maker: string
  readonly amount: Money
  readonly facts: CaseFacts
  /** Rises when the facts change; votes leave it alone. */
  readonly caseVersion: number
  readonly snapshotHash: string
  /** The digest of the policies under which the facts were last looked at. */
  readonly checkedBundle: string
  readonly state: CaseState
  /** How many approvals it takes. */
  readonly needed: number
  /** Whose work it is. */
  readonly queue: string
  readonly priority: Priority
  /** Until then nobody else decides. */
  readonly assignment: Assignment | null
  readonly openedAt: Instant
  /** When it becomes more urgent; null once it has. */
  readonly escalateAt: Instant | null
  readonly dueAt: Instant
  readonly onTimeout: OnTimeout
  /** When cash flow releases the money whatever becomes of the case: later than it is due. */
  readonly holdExpiresAt: Instant | null
  readonly closedAt: Instant | null
  readonly reason: string | null
  /** Void ones too. */
  readonly votes: readonly Vote[]
}

export type Assignment = { readonly reviewer: string; readonly until: Instant }

/** A vote as it is asked for. `basis` is what the reviewer saw, without a hash where it was read from us; null when that was a moment ago. */
export type Ballot = Omit<Vote, 'at' | 'caseVersion'> & {
  readonly basis: { readonly caseVersion: number; readonly snapshotHash: string | null } | null
}

export type VoteOutcome =
  | { readonly kind: 'counted'; readonly vote: Vote; readonly state: 'open' | 'approved' | 'declined' }
  | { readonly kind: 'closed' }
  /** Its time is up, though no timer has said so yet. */
  | { readonly kind: 'overdue' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'reviewer_is_maker' }
  | { readonly kind: 'reviewer_suspended' }
  | { readonly kind: 'voted_before' }
  | { readonly kind: 'assigned'; readonly to: Assignment }

/**
 * One decline is final; enough approvals of different reviewers, none of them the maker, approve. Who is suspended by then has
 * neither a vote nor voted.
 */
export function castVote(
  review: ReviewCase,
  { basis, ...ballot }: Ballot,
  now: Instant,
  isSuspended: (reviewer: string) => boolean = () => false,
): VoteOutcome {
  if (review.state !== 'open') return { kind: 'closed' }
  if (review.dueAt <= now) return { kind: 'overdue' }
  if (basis !== null && !isPresent(review, basis)) return { kind: 'changed' }
  if (ballot.reviewer === review.maker) return { kind: 'reviewer_is_maker' }
  if (isSuspended(ballot.reviewer)) return { kind: 'reviewer_suspended' }
  if (validVotes(review).some(({ reviewer }) => reviewer === ballot.reviewer)) return { kind: 'voted_before' }
  const assigned = assignmentAt(review, now)
  if (assigned !== null && assigned.reviewer !== ballot.reviewer) return { kind: 'assigned', to: assigned }
  const vote = { ...ballot, at: now, caseVersion: review.caseVersion }
  if (vote.vote === 'decline') return { kind: 'counted', vote, state: 'declined' }
  const counting = validVotes(review).filter(({ reviewer }) => !isSuspended(reviewer))
  const approved = approvalsOf([...counting, vote]) >= review.needed
  return { kind: 'counted', vote, state: approved ? 'approved' : 'open' }
}

/** The votes on the present facts. */
export function validVotes({ votes, caseVersion }: Pick<ReviewCase, 'votes' | 'caseVersion'>): readonly Vote[] {
  return votes.filter((vote) => vote.caseVersion === caseVersion)
}

export function approvalsOf(votes: readonly Vote[]): number {
  return votes.filter(({ vote }) => vote === 'approve').length
}

/** Who has the case to themselves; nobody once that time is over. */
export function assignmentAt({ assignment }: ReviewCase, now: Instant): Assignment | null {
  return assignment !== null && assignment.until > now ? assignment : null
}

function isPresent(review: ReviewCase, basis: NonNullable<Ballot['basis']>): boolean {
  if (basis.caseVersion !== review.caseVersion) return false
  return basis.snapshotHash === null || basis.snapshotHash === review.snapshotHash
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

/** When a case becomes more urgent; null where it would not before it is due. */
export function escalateAtOf(since: Instant, escalateMs: number, dueAt: Instant): Instant | null {
  return since + escalateMs < dueAt ? ((since + escalateMs) as Instant) : null
}

/** Another currency than the limit's is above it. */
export function onTimeoutOf(amount: Money, approvesBelow: Money | null): OnTimeout {
  if (approvesBelow === null || amount.currency !== approvesBelow.currency) return 'decline'
  return compareMoney(amount, approvesBelow) < 0 ? 'approve' : 'decline'
}

/** One step; what is urgent stays so. */
export function moreUrgent(priority: Priority): Priority {
  return PRIORITIES[PRIORITIES.indexOf(priority) + 1] ?? priority
}
