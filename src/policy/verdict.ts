import type { Money } from '../kernel/money.ts'
import type { ProblemCode } from '../kernel/problem.ts'

export type Mode = 'enforce' | 'shadow'

/** A rule that mattered to a verdict. A shadow rule is evaluated by the same code and never decides. */
export type Considered = {
  /** `kind/id` */
  readonly rule: string
  /** `matched`: applies and is enforced; `shadow`: would have applied; `error`: could not be evaluated. */
  readonly outcome: 'matched' | 'shadow' | 'error'
  readonly mode: Mode
  /** The name of the rule's effect: `allow`, `deny`, `throttle`, `hold` … */
  readonly effect: string
  /** What went wrong, for an `error`. For us, not for the caller. */
  readonly detail?: string
}

/** Of the firewall or the access rules. */
export type Verdict =
  | { readonly effect: 'allow'; readonly rule: string; readonly considered: readonly Considered[] }
  | {
      readonly effect: 'deny'
      readonly rule: string
      readonly status: number
      readonly code: ProblemCode
      /** One sentence for the caller. */
      readonly why: string
      /** What would let the request pass, where the rule tells. */
      readonly remedy: string | null
      readonly considered: readonly Considered[]
    }

/** A quota that applies to a request: take `cost` from the bucket `key`, which holds `limit` per `windowMs`. */
export type QuotaCharge = {
  /** `quota/ID` */
  readonly rule: string
  /** The rule's id, for the RateLimit headers. */
  readonly name: string
  /** The bucket, told apart from those of all other rules. */
  readonly key: string
  readonly windowMs: number
  readonly mode: Mode
  readonly why: string
  readonly remedy: string | null
} & ({ readonly cost: 'request'; readonly limit: number } | { readonly cost: 'amount'; readonly limit: Money })

/** Of the risk rules on one transfer. */
export type RiskVerdict = {
  /** `risk/ID` */
  readonly rule: string
  readonly reasons: readonly string[]
  readonly considered: readonly Considered[]
} & (
  | { readonly outcome: 'accept' | 'review' | 'reject' }
  | {
      readonly outcome: 'hold'
      readonly approvals: number
      /** How long a person has to decide. */
      readonly holdMs: number
    }
)
