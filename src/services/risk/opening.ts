import type { Instant } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import { operationIdOf } from '../../kernel/operation-id.ts'
import { caseFacts, snapshotHashOf } from './facts.ts'
import { dueAtOf, escalateAtOf, onTimeoutOf, type ReviewCase } from './model.ts'
import type { Terms } from './product-terms.ts'
import type { HeldTransfer } from './reviews.ts'
import type { Assessment } from './store.ts'

/** How a case begins. */

/** The case of money that waits; null when the assessment did not ask for a hold. */
export function caseOfHeld(held: HeldTransfer, assessment: Assessment | null, now: Instant): ReviewCase | null {
  if (assessment === null || assessment.outcome !== 'hold' || assessment.terms === null) return null
  const { heldAt, expiresAt, terms, ...rest } = held
  const { approvals, holdMs, escalateMs, queue, priority, approvesBelow } = assessment.terms
  const dueAt = dueAtOf(heldAt, holdMs, expiresAt)
  return {
    ...began(assessment, now, terms),
    ...rest,
    ...{ queue, priority, dueAt },
    kind: 'held',
    needed: approvals,
    holdExpiresAt: expiresAt,
    onTimeout: onTimeoutOf(held.amount, approvesBelow),
    escalateAt: escalateAtOf(heldAt, escalateMs, dueAt),
  }
}

/** The case of a transfer that passed and is looked at later; null when the assessment did not ask for that. */
export function caseOfPassed(transfer: string, assessment: Assessment, now: Instant): ReviewCase | null {
  if (assessment.outcome !== 'review' || assessment.terms === null) return null
  const { holdMs, escalateMs, queue, priority } = assessment.terms
  const { member, idempotencyKey, amount, receipt } = assessment
  const dueAt = (now + holdMs) as Instant
  return {
    ...began(assessment, now),
    ...{ queue, priority, dueAt },
    kind: 'passed',
    needed: 1,
    holdExpiresAt: null,
    onTimeout: 'lapse',
    ...{ transfer, amount, receipt, maker: member, operation: operationIdOf(member, idempotencyKey) },
    assessment: assessment.id,
    escalateAt: escalateAtOf(now, escalateMs, dueAt),
  }
}

function began(assessment: Assessment, now: Instant, terms: readonly Terms[] = []) {
  const facts = caseFacts(assessment.facts, assessment, terms)
  return {
    id: newId('case', now),
    version: 1,
    state: 'open' as const,
    openedAt: now,
    closedAt: null,
    reason: null,
    facts,
    caseVersion: 1,
    snapshotHash: snapshotHashOf(facts),
    checkedBundle: assessment.bundle,
    assignment: null,
    votes: [],
  }
}
