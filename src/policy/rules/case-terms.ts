import { type Money, parseMoney } from '../../kernel/money.ts'
import type { WrittenRule } from '../language/schema.ts'
import type { PRIORITIES } from '../language/schema-rule.ts'
import { milliseconds } from './duration.ts'
import type { EffectFault, Hold, Review } from './effect.ts'

export type Priority = (typeof PRIORITIES)[number]

/** Who is asked to look at a transfer, and how long they have. */
export type CaseTerms = {
  readonly queue: string
  readonly priority: Priority
  /** From the hold, or the payment, to the last moment in which a person can decide. */
  readonly holdMs: number
  /** After so long without a decision the case becomes more urgent; less than `holdMs`. */
  readonly escalateMs: number
}

export type HoldTerms = CaseTerms & {
  /** How many different people must approve. */
  readonly approvals: number
  /** When nobody decides in time, less than this is approved and all else declined; null declines everything. */
  readonly approvesBelow: Money | null
}

type WrittenEffect = Extract<WrittenRule<'risk'>['effect'], object>
type WrittenHold = NonNullable<WrittenEffect['hold']>
type WrittenReview = NonNullable<WrittenEffect['review']>

const HOLD_QUEUE = 'desk'
const REVIEW_QUEUE = 'later'
const REVIEW_MS = 7 * 86_400_000

/** What people are asked on a hold that says nothing of where and how urgently: half of the time, then escalation. */
export function holdTerms(approvals: number, holdMs: number): HoldTerms {
  return { approvals, holdMs, escalateMs: holdMs / 2, queue: HOLD_QUEUE, priority: 'normal', approvesBelow: null }
}

export function readHold({ approvals, expiresAfter, onTimeout, ...asked }: WrittenHold): Hold | EffectFault {
  const approvesBelow = onTimeout === 'decline' ? null : parseMoney(onTimeout.approveBelow)
  if (typeof approvesBelow === 'string') {
    const path = ['hold', 'onTimeout', 'approveBelow', 'value']
    return { fault: 'bad-money', path, message: approvesBelow.replaceAll('_', ' ') }
  }
  const terms = { ...holdTerms(approvals, milliseconds(expiresAfter)), ...given(asked), approvesBelow }
  return escalatesInTime(terms) ? { name: 'hold', ...terms } : tooLate('hold')
}

export function readReview({ expiresAfter, ...asked }: WrittenReview): Review | EffectFault {
  const holdMs = expiresAfter === undefined ? REVIEW_MS : milliseconds(expiresAfter)
  const terms: CaseTerms = { queue: REVIEW_QUEUE, priority: 'low', holdMs, escalateMs: holdMs / 2, ...given(asked) }
  return escalatesInTime(terms) ? { name: 'review', ...terms } : tooLate('review')
}

function given({ queue, priority, escalateAfter }: Omit<WrittenReview, 'expiresAfter'>): Partial<CaseTerms> {
  return {
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
    ...(escalateAfter === undefined ? {} : { escalateMs: milliseconds(escalateAfter) }),
  }
}

function escalatesInTime({ escalateMs, holdMs }: CaseTerms): boolean {
  return escalateMs < holdMs
}

function tooLate(effect: 'hold' | 'review'): EffectFault {
  const message = 'a case escalates before it expires: `escalateAfter` is less than `expiresAfter`'
  return { fault: 'escalates-too-late', path: [effect, 'escalateAfter'], message }
}
