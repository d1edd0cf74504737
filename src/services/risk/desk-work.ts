import type { Instant } from '../../kernel/clock.ts'
import { insertCaseEvent, lockCase, lockNextCase, updateCase } from './case-store.ts'
import { type Assignment, assignmentAt, type ReviewCase } from './model.ts'
import { type Change, isSuspendedIn } from './voting.ts'

/** What comes of taking a case, or of adding to it. */
export type WorkOutcome =
  | { readonly kind: 'done'; readonly review: ReviewCase }
  | { readonly kind: 'no_such_case' }
  | { readonly kind: 'closed'; readonly review: ReviewCase }
  | { readonly kind: 'reviewer_is_maker' }
  | { readonly kind: 'reviewer_suspended' }
  | { readonly kind: 'taken'; readonly by: Assignment }

/** Gives a case to a reviewer for so long; nobody else decides until then. Who has it already has it longer. */
export async function assign(
  change: Change,
  id: string,
  { reviewer, forMs, by }: { readonly reviewer: string; readonly forMs: number; readonly by: string },
): Promise<WorkOutcome> {
  const review = await lockCase(change.sql, id)
  if (review === null) return { kind: 'no_such_case' }
  if (review.state !== 'open' || review.dueAt <= change.now) return { kind: 'closed', review }
  if (reviewer === review.maker) return { kind: 'reviewer_is_maker' }
  if (isSuspendedIn(change.policies)(reviewer)) return { kind: 'reviewer_suspended' }
  const taken = assignmentAt(review, change.now)
  if (taken !== null && taken.reviewer !== reviewer) return { kind: 'taken', by: taken }
  return { kind: 'done', review: await give(change, review, { reviewer, forMs, by }) }
}

/** Gives a reviewer the most urgent case of a queue, or of all, that they can decide; null when there is none. */
export async function assignNext(
  change: Change,
  { reviewer, queue, forMs }: { readonly reviewer: string; readonly queue: string | null; readonly forMs: number },
): Promise<ReviewCase | null> {
  if (isSuspendedIn(change.policies)(reviewer)) return null
  const review = await lockNextCase(change.sql, reviewer, queue, change.now)
  return review === null ? null : give(change, review, { reviewer, forMs, by: reviewer })
}

async function give(
  { sql, now }: Change,
  review: ReviewCase,
  { reviewer, forMs, by }: { readonly reviewer: string; readonly forMs: number; readonly by: string },
): Promise<ReviewCase> {
  const until = Math.min(now + forMs, review.dueAt) as Instant
  const assignment = { reviewer, until }
  await updateCase(sql, review, { assignment })
  await insertCaseEvent(sql, review.id, { at: now, actor: by, kind: 'assigned', detail: { reviewer, until } })
  return { ...review, assignment, version: review.version + 1 }
}

/** Gives a case back to its queue, whoever had it. */
export async function unassign({ sql, now }: Change, id: string, by: string): Promise<WorkOutcome> {
  const review = await lockCase(sql, id)
  if (review === null) return { kind: 'no_such_case' }
  if (review.state !== 'open') return { kind: 'closed', review }
  if (review.assignment === null) return { kind: 'done', review }
  await updateCase(sql, review, { assignment: null })
  const detail = { reviewer: review.assignment.reviewer }
  await insertCaseEvent(sql, id, { at: now, actor: by, kind: 'unassigned', detail })
  return { kind: 'done', review: { ...review, assignment: null, version: review.version + 1 } }
}

/** Writes something down for whoever looks at the case next; also once it is closed. */
export async function note({ sql, now }: Change, id: string, by: string, text: string): Promise<WorkOutcome> {
  const review = await lockCase(sql, id)
  if (review === null) return { kind: 'no_such_case' }
  await insertCaseEvent(sql, id, { at: now, actor: by, kind: 'noted', detail: { text } })
  return { kind: 'done', review }
}
