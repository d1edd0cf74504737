import type { Instant } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import type { Audience, PersonPage, PersonPlan, PersonStep } from '../../platform/person.ts'

/** A service that may hold something on a person. */
export type PersonSource = {
  readonly service: string
  /** @throws Problem when it gives no answer */
  plan(member: string, audience: Audience, signal: AbortSignal): Promise<PersonPlan>
  page(member: string, audience: Audience, step: PersonStep, signal: AbortSignal): Promise<PersonPage>
}

/** `expired`: its parts were kept as long as was said. `destroyed`: the person was erased, and the parts with the key. */
export const EXPORT_STATES = ['running', 'ready', 'failed', 'expired', 'destroyed'] as const
export type ExportState = (typeof EXPORT_STATES)[number]

/** One step of an export, and whose it is. */
export type ExportStep = PersonStep & { readonly service: string }

/** All that the platform holds on a person, gathered for somebody: an operation of its own, then its parts. */
export type PersonExport = {
  readonly id: Id<'export'>
  readonly member: string
  readonly audience: Audience
  /** `member:mem_…` or `operator:op_…`. */
  readonly requestedBy: string
  /** Why an operator asked for it; null: the member did. */
  readonly reason: string | null
  readonly requestedAt: Instant
  readonly state: ExportState
  /** Whose key seals the parts: the member's; the export's own where that is destroyed. */
  readonly keyOf: string
  /** Null: not known yet. */
  readonly steps: readonly ExportStep[] | null
  readonly heads: PersonPlan['heads'] | null
  /** How many steps were taken. */
  readonly step: number
  /** Where the present step goes on; null: from its beginning. */
  readonly cursor: string | null
  readonly parts: number
  readonly head: string | null
  readonly items: Readonly<Record<string, number>>
  readonly seal: string | null
  readonly tries: number
  readonly error: string | null
  readonly endedAt: Instant | null
  readonly expiresAt: Instant | null
}

export type ExportRequest = Pick<PersonExport, 'member' | 'audience' | 'requestedBy' | 'reason'>

export type ExportOutcome =
  | { readonly kind: 'begun'; readonly exported: PersonExport }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'too_many' }

/** Of one member and audience, as long as their parts are kept: each is a copy of all that is held. */
export const EXPORTS_KEPT_MAX = 5
const DAY_MS = 86_400_000
/** Its parts are kept so long once it is ready. */
export const KEPT_MS = 7 * DAY_MS
/** What is not gathered by then, as a service is away all the time, is given up. */
export const GATHERED_WITHIN_MS = DAY_MS
/** A member with 100,000 transfers has some thousands. */
export const PARTS_MAX = 1_000_000

/** What is held on a person and no service tells: an export says so. */
export const ELSEWHERE = [
  { where: 'receipts of the edge', what: 'requests with the address they came from, until their file is over' },
  { where: 'logs and traces', what: 'ids, as long as they are kept' },
  {
    where: 'statements of the bank',
    what: 'what the bank wrote beside a payment, in files that are kept as they came',
  },
  { where: 'assessments of others', what: 'transfers that others asked for, to an account of the person' },
  { where: 'identity provider, fraud provider, review desk, bank', what: 'what they hold themselves' },
] as const
