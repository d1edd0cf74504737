import type { Context } from '@marcbachmann/cel-js'
import { PROBLEMS } from '../kernel/problem.ts'
import type { GateEffect, Hold, QuotaEffect, RiskEffect, ThrottleKey } from './effect.ts'
import { riskContext } from './environment.ts'
import type { AccessFacts, RequestFacts, RiskFacts } from './facts.ts'
import { consider, type Rule } from './rule.ts'
import type { Considered, QuotaCharge, RiskVerdict, Verdict } from './verdict.ts'

/**
 * Walks the rules in order to the first enforced one that decides. An error in an `allow` lets nothing pass; in a
 * `deny` it denies. Rules behind the deciding one are not evaluated: they could not have mattered.
 */
export function decideGate<Facts extends RequestFacts>(
  rules: readonly Rule<Facts, GateEffect>[],
  facts: Facts,
  whenNone: Verdict,
): Verdict {
  const considered: Considered[] = []
  for (const rule of rules) {
    const result = consider(rule, facts, () => facts)
    if (result === null) continue
    considered.push(result)
    if (rule.mode === 'shadow') continue
    const { name, effect, why, remedy } = rule
    if (effect.name === 'deny') {
      return { effect: 'deny', rule: name, status: effect.status, code: effect.code, why, remedy, considered }
    }
    if (result.outcome === 'matched') return { effect: 'allow', rule: name, considered }
  }
  return { ...whenNone, considered }
}

export const ALLOW_BY_DEFAULT: Verdict = { effect: 'allow', rule: 'firewall/default-allow', considered: [] }

export const DENY_BY_DEFAULT: Verdict = {
  effect: 'deny',
  rule: 'access/default-deny',
  code: 'policy_denied',
  status: PROBLEMS.policy_denied[0],
  why: 'No access rule allows this request.',
  remedy: null,
  considered: [],
}

/** Every quota that applies; one whose rule can not be evaluated does. */
export function findCharges(
  rules: readonly Rule<AccessFacts, QuotaEffect>[],
  facts: AccessFacts,
): readonly QuotaCharge[] {
  const charges: QuotaCharge[] = []
  for (const rule of rules) {
    if (consider(rule, facts, () => facts) === null) continue
    const { name: _, key, ...limit } = rule.effect
    const { name, mode, why, remedy } = rule
    const bucket = [name, ...bucketOf(key, facts)].map(encodeURIComponent).join(':')
    charges.push({ rule: name, name: name.slice('quota/'.length), key: bucket, mode, why, remedy, ...limit })
  }
  return charges
}

/** A member is one principal, whichever client acts for it; who is anonymous is told apart by address. */
function bucketOf(key: ThrottleKey, { principal, source, route }: AccessFacts): readonly string[] {
  const who =
    principal.kind === 'anonymous' ? ['anonymous', source.ip] : [principal.kind, principal.member || principal.id]
  switch (key) {
    case 'principal':
      return who
    case 'source':
      return [source.ip]
    case 'route':
      return [route.id]
    case 'principal+route':
      return [...who, route.id]
  }
}

/** What happens to a transfer on which the rules are silent or broken: two people look at it. */
const HOLD_BY_DEFAULT: Hold = { name: 'hold', approvals: 2, holdMs: 86_400_000 }

/** Walks the risk rules in order to the first enforced one that applies; one that can not be evaluated holds. */
export function decideRisk(rules: readonly Rule<RiskFacts, RiskEffect>[], facts: RiskFacts): RiskVerdict {
  let seen: Context | null = null
  const context = () => {
    seen ??= riskContext(facts)
    return seen
  }
  const considered: Considered[] = []
  const verdict = (rule: string, effect: RiskEffect, reason: string): RiskVerdict => {
    const shared = { rule, reasons: [reason], considered }
    if (effect.name !== 'hold') return { outcome: effect.name, ...shared }
    const { approvals, holdMs } = effect
    return { outcome: 'hold', approvals, holdMs, ...shared }
  }
  for (const rule of rules) {
    const result = consider(rule, facts, context)
    if (result === null) continue
    considered.push(result)
    if (rule.mode === 'shadow') continue
    if (result.outcome === 'matched') return verdict(rule.name, rule.effect, rule.why)
    const hold = rule.effect.name === 'hold' ? rule.effect : HOLD_BY_DEFAULT
    return verdict(rule.name, hold, `The rule ${rule.name} could not be evaluated.`)
  }
  return verdict('risk/default-hold', HOLD_BY_DEFAULT, 'No risk rule decides on this transfer.')
}
