import type { Ruleset } from '../../firewall/index.ts'
import { PROBLEMS, type ProblemCode } from '../../kernel/problem.ts'
import type { ValueCompiler } from '../conditions/condition.ts'
import type { StepUpDemand } from '../decide/verdict.ts'
import type { WrittenRule } from '../language/schema.ts'
import type { FindingExtras } from '../language/source.ts'
import { type CaseTerms, type HoldTerms, readHold, readReview } from './case-terms.ts'
import { milliseconds } from './duration.ts'
import { readThrottle, type Throttle } from './throttle.ts'

/** What a rule does when it applies, read from its file. `name` is how receipts call it. */
export type GateEffect =
  | { readonly name: 'allow' }
  | { readonly name: 'deny'; readonly status: number; readonly code: ProblemCode }
  | ({ readonly name: 'stepUp' } & StepUpDemand)
  | RulesetEffect
  | MarkEffect

/** Denies what its ruleset takes for an attack; any other request goes on to the next rule. */
export type RulesetEffect = { readonly name: 'ruleset'; readonly ruleset: Ruleset }

/** What decides nothing and lets the walk go on. */
type MarkEffect =
  | { readonly name: 'skip'; readonly skips: readonly string[] }
  | { readonly name: 'tag'; readonly tags: readonly string[] }

export type QuotaEffect = Throttle | MarkEffect

export type Hold = { readonly name: 'hold' } & HoldTerms
export type Review = { readonly name: 'review' } & CaseTerms
export type RiskEffect = { readonly name: 'accept' | 'reject' } | Review | Hold | MarkEffect

export type NamedEffect = GateEffect | QuotaEffect | RiskEffect
export type EffectName = NamedEffect['name']

/**
 * Whether an effect can only take something from a request. Such a rule acts when it can not be evaluated and is enforced
 * when its time in shadow is over; any other has no effect then.
 */
export function tightens(effect: EffectName): boolean {
  return !['allow', 'accept', 'skip', 'tag'].includes(effect)
}

export type EffectFault = {
  readonly fault: string
  readonly path: readonly string[]
  readonly message: string
  readonly extras?: FindingExtras
}

/** A denial has the code of its kind and the status of its code, unless the rule says otherwise. */
export function readGateEffect(kind: 'firewall' | 'access', written: WrittenRule<'access'>['effect']): GateEffect {
  if (written === 'allow') return { name: 'allow' }
  const { deny, stepUp, ...marks } = written === 'deny' ? { deny: {} } : written
  if (stepUp !== undefined) {
    const { acr = [], maxAge } = stepUp
    return { name: 'stepUp', acr, maxAgeMs: maxAge === undefined ? null : milliseconds(maxAge) }
  }
  if (deny === undefined) return readMarkEffect(marks)
  const { status, code = kind === 'firewall' ? 'firewall_denied' : 'policy_denied' } = deny
  return { name: 'deny', code, status: status ?? PROBLEMS[code][0] }
}

export function readQuotaEffect(
  { throttle, ...marks }: WrittenRule<'quota'>['effect'],
  compile: ValueCompiler,
): QuotaEffect | EffectFault {
  return throttle === undefined ? readMarkEffect(marks) : readThrottle(throttle, compile)
}

export function readRiskEffect(written: WrittenRule<'risk'>['effect']): RiskEffect | EffectFault {
  if (written === 'review') return readReview({})
  if (typeof written === 'string') return { name: written }
  const { hold, review, ...marks } = written
  if (hold !== undefined) return readHold(hold)
  return review === undefined ? readMarkEffect(marks) : readReview(review)
}

type WrittenMarks = { readonly skip?: readonly string[]; readonly tag?: readonly string[] }

function readMarkEffect({ skip, tag = [] }: WrittenMarks): MarkEffect {
  return skip === undefined ? { name: 'tag', tags: tag } : { name: 'skip', skips: skip }
}
