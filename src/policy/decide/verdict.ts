import type { Sign } from '../../firewall/index.ts'
import type { ProblemCode } from '../../kernel/problem.ts'
import type { CaseTerms, HoldTerms } from '../rules/case-terms.ts'
import type { Throttle } from '../rules/throttle.ts'
import type { Marks } from './marks.ts'
import type { OpenInspection } from './rulesets.ts'

export type Mode = 'enforce' | 'shadow'

/** What the caller of a denial is told: the problem's title; also why and remedy; also what would have let it pass. */
export const TELLS = ['nothing', 'why', 'change'] as const
export type Tells = (typeof TELLS)[number]

/** A rule that mattered to a verdict. A shadow rule is evaluated by the same code and never decides. */
export type Considered = {
  /** `kind/id` */
  readonly rule: string
  /**
   * `matched`: applies and is enforced; `shadow`: would have applied; `error`: could not be evaluated; `skipped`: would
   * have applied, had no earlier rule skipped it; `satisfied`: asks for a step-up that the token brings, or is a ruleset
   * that found something, and less than it denies for.
   */
  readonly outcome: 'matched' | 'shadow' | 'error' | 'skipped' | 'satisfied'
  readonly mode: Mode
  /** The name of the rule's effect: `allow`, `deny`, `throttle`, `hold` … */
  readonly effect: string
  /** What went wrong where the rule could not be evaluated. For us, not for the caller. */
  readonly detail?: string
  /** What a ruleset found. */
  readonly found?: SignsFound
}

/** What a ruleset found in a request. What matched itself is in `signs` of the verdict: it is not for every reader. */
export type SignsFound = {
  /** When it was found: before the body was there, or with it. */
  readonly on: 'head' | 'body'
  readonly score: number
  readonly threshold: number
  /** The first of them. */
  readonly signs: readonly Omit<Sign, 'value' | 'detail'>[]
}

/** What matched a rule of a ruleset: it may hold anything that a request holds, so it is sealed wherever it is kept. */
export type MatchedSign = { readonly rule: string; readonly sign: Sign }

/** What every walk through the rules of a kind leaves: which of them mattered, and what the request carries on. */
type Walked = { readonly considered: readonly Considered[]; readonly marks: Marks }

/** What rulesets leave: what they matched, and those that are yet to look at the body. */
type Screening = { readonly signs?: readonly MatchedSign[]; readonly open?: readonly OpenInspection[] }

/** Of the firewall or the access rules. */
export type Verdict =
  | (Walked & Screening & { readonly effect: 'allow'; readonly rule: string })
  | (Refusal & Screening & { readonly effect: 'deny' })
  | (Refusal & StepUpDemand & { readonly effect: 'stepUp' })

type Refusal = Walked &
  Told & {
    readonly rule: string
    readonly status: number
    readonly code: ProblemCode
  }

/** What a rule has to say to who is refused by it. */
type Told = {
  /** One sentence for the caller. */
  readonly why: string
  /** What would let the request pass, where the rule tells. */
  readonly remedy: string | null
  readonly tells: Tells
}

/** The authentication a token must tell of (RFC 9470): any of these `acr`, an `auth_time` not older than `maxAgeMs`. */
export type StepUpDemand = {
  /** Empty when any will do. */
  readonly acr: readonly string[]
  readonly maxAgeMs: number | null
}

/** A rule that throttles, the same object for as long as its bundle is in force. */
export type Quota = Told & {
  /** `quota/ID` */
  readonly name: string
  readonly mode: Mode
  readonly effect: Throttle
}

/** A quota that applies to a request: take `points` from the bucket `key`, which no other key of this quota shares. */
export type QuotaCharge = {
  readonly quota: Quota
  readonly key: string
  /** `amount`: known once the body was read. */
  readonly points: number | 'amount'
}

/**
 * Of the quotas. Whether a quota refuses is known once it is counted, so `considered` has only those that mattered
 * otherwise: skips, tags, what was skipped, what could not be evaluated.
 */
export type QuotaVerdict = Walked & { readonly charges: readonly QuotaCharge[] }

/** Of the risk rules on one transfer. `closed`: nothing is decided while the fraud provider does not answer. */
export type RiskVerdict = Walked & {
  /** `risk/ID` */
  readonly rule: string
  readonly reasons: readonly string[]
  readonly remedy: string | null
  readonly tells: Tells
  /** It passes without an answer of the fraud provider. */
  readonly unchecked: boolean
} & (
    | { readonly outcome: 'accept' | 'reject' | 'closed' }
    | ({ readonly outcome: 'review' } & CaseTerms)
    | ({ readonly outcome: 'hold' } & HoldTerms)
  )
