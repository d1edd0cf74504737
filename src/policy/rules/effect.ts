import { type Money, parseMoney, type WireMoney } from '../../kernel/money.ts'
import { PROBLEMS, type ProblemCode } from '../../kernel/problem.ts'
import type { StepUpDemand } from '../decide/verdict.ts'
import type { WrittenRule } from '../language/schema.ts'

/** What a rule does when it applies, read from its file. `name` is how receipts call it. */
export type GateEffect =
  | { readonly name: 'allow' }
  | { readonly name: 'deny'; readonly status: number; readonly code: ProblemCode }
  | ({ readonly name: 'stepUp' } & StepUpDemand)
  | MarkEffect

/** What decides nothing and lets the walk go on. */
type MarkEffect =
  | { readonly name: 'skip'; readonly skips: readonly string[] }
  | { readonly name: 'tag'; readonly tags: readonly string[] }

export type ThrottleKey = 'principal' | 'source' | 'route' | 'principal+route'
export type Throttle = { readonly name: 'throttle'; readonly windowMs: number; readonly key: ThrottleKey } & (
  | { readonly cost: 'request'; readonly limit: number }
  | { readonly cost: 'amount'; readonly limit: Money }
)
export type QuotaEffect = Throttle | MarkEffect

export type Hold = { readonly name: 'hold'; readonly approvals: number; readonly holdMs: number }
export type RiskEffect = { readonly name: 'accept' | 'review' | 'reject' } | Hold | MarkEffect

export type NamedEffect = GateEffect | QuotaEffect | RiskEffect
export type EffectName = NamedEffect['name']

/**
 * Whether an effect can only take something from a request. Such a rule acts when it can not be evaluated and is enforced
 * when its time in shadow is over; any other has no effect then.
 */
export function tightens(effect: EffectName): boolean {
  return !['allow', 'accept', 'skip', 'tag'].includes(effect)
}

/** Counters are kept by timers, which hold 2^31 ms; a longer one would end at once, and the quota would count nothing. */
const WINDOW_DAYS_MAX = 24

export type EffectFault = { readonly fault: string; readonly path: readonly string[]; readonly message: string }

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

export function readQuotaEffect(written: WrittenRule<'quota'>['effect']): QuotaEffect | EffectFault {
  const { throttle, ...marks } = written
  if (throttle === undefined) return readMarkEffect(marks)
  const { limit, per, key, cost } = throttle
  const windowMs = milliseconds(per)
  if (windowMs > WINDOW_DAYS_MAX * UNIT_MS.d) {
    return {
      fault: 'too-long',
      path: ['throttle', 'per'],
      message: `a quota is counted over at most ${WINDOW_DAYS_MAX}d`,
    }
  }
  const shared = { name: 'throttle', windowMs, key } as const
  if (cost === 'request' && typeof limit === 'number') return { ...shared, cost, limit }
  if (cost === 'amount' && typeof limit === 'object') {
    const amount = parseMoney(limit as WireMoney)
    if (typeof amount === 'object') return { ...shared, cost, limit: amount }
    return { fault: 'bad-money', path: ['throttle', 'limit', 'value'], message: amount.replaceAll('_', ' ') }
  }
  const message =
    cost === 'amount' ? 'a limit on amounts is money: {currency, value}' : 'a limit on requests is a number'
  return { fault: 'shape', path: ['throttle', 'limit'], message }
}

export function readRiskEffect(written: WrittenRule<'risk'>['effect']): RiskEffect {
  if (typeof written === 'string') return { name: written }
  const { hold, ...marks } = written
  if (hold === undefined) return readMarkEffect(marks)
  const { approvals, expiresAfter } = hold // `onTimeout` has one word yet: decline
  return { name: 'hold', approvals, holdMs: milliseconds(expiresAfter) }
}

type WrittenMarks = { readonly skip?: readonly string[]; readonly tag?: readonly string[] }

function readMarkEffect({ skip, tag = [] }: WrittenMarks): MarkEffect {
  return skip === undefined ? { name: 'tag', tags: tag } : { name: 'skip', skips: skip }
}

export const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Of a duration as files write it: `24h`. */
export function milliseconds(duration: string): number {
  const unit = /[a-z]+$/.exec(duration)?.[0] as keyof typeof UNIT_MS
  return Number.parseInt(duration, 10) * UNIT_MS[unit]
}
