import { PROBLEMS } from '../../kernel/problem.ts'
import { requestContext, riskContext } from '../conditions/environment.ts'
import type { RequestFacts, RiskFacts } from '../facts.ts'
import { holdTerms } from '../rules/case-terms.ts'
import type { GateEffect, Hold, Review, RiskEffect } from '../rules/effect.ts'
import type { Rule } from '../rules/rule.ts'
import type { RuleIndex } from '../rules/rule-index.ts'
import type { Marks } from './marks.ts'
import { asksRuleset, denialOf, Screening } from './rulesets.ts'
import type { RiskVerdict, Verdict } from './verdict.ts'
import { Walk } from './walk.ts'

/** What a gate says where no rule decides. */
type Default = { readonly effect: 'allow' | 'deny'; readonly rule: string }

export const ALLOW_BY_DEFAULT: Default = { effect: 'allow', rule: 'firewall/default-allow' }
/** Rules on the body come after those that let the request pass. */
export const PASS_BY_DEFAULT: Default = { effect: 'allow', rule: 'access/default-pass' }
export const DENY_BY_DEFAULT: Default = { effect: 'deny', rule: 'access/default-deny' }

/**
 * Walks the rules in order to the first enforced one that decides. An error in an `allow` lets nothing pass; in a
 * `deny` it denies. Rules behind the deciding one are not evaluated: they could not have mattered.
 */
export function decideGate<Facts extends RequestFacts>(
  rules: RuleIndex<Facts, Rule<Facts, GateEffect>>,
  facts: Facts,
  marks: Marks,
  whenNone: Default,
): Verdict {
  const walk = new Walk(facts, marks, requestContext)
  const screening = new Screening()
  for (const rule of rules(facts, walk)) {
    if (asksRuleset(rule)) {
      if (!screening.denies(rule, facts, walk)) continue
      return { ...denialOf(rule), ...screening.found, considered: walk.considered, marks: walk.marks }
    }
    if (walk.acts(rule) === null) continue
    const { name, effect, why, remedy, tells } = rule
    if (effect.name === 'allow') {
      return { effect: 'allow', rule: name, ...screening.found, considered: walk.considered, marks: walk.marks }
    }
    const told = { rule: name, why, remedy, tells }
    if (effect.name === 'stepUp') {
      const { acr, maxAgeMs } = effect
      const [status] = PROBLEMS.step_up_required
      return {
        effect: 'stepUp',
        status,
        code: 'step_up_required',
        acr,
        maxAgeMs,
        ...told,
        considered: walk.considered,
        marks: walk.marks,
      }
    }
    if (effect.name === 'deny') {
      return {
        effect: 'deny',
        status: effect.status,
        code: effect.code,
        ...told,
        ...screening.found,
        considered: walk.considered,
        marks: walk.marks,
      }
    }
  }
  const { effect, rule } = whenNone
  if (effect === 'allow') {
    return { effect, rule, ...screening.found, considered: walk.considered, marks: walk.marks }
  }
  const why = 'No access rule allows this request.'
  const [status] = PROBLEMS.policy_denied
  return {
    effect,
    rule,
    status,
    code: 'policy_denied',
    why,
    remedy: null,
    tells: 'why',
    considered: walk.considered,
    marks: walk.marks,
  }
}

type Outcome = Hold | Review | { readonly name: 'accept' | 'reject' }

/** What risk control says where no rule decides. */
export type RiskDefault = { readonly effect: Outcome; readonly rule: string; readonly reason: string }

/** What happens to a transfer on which the rules are silent or broken: two people look at it. */
export const HOLD_BY_DEFAULT = {
  effect: { name: 'hold', ...holdTerms(2, 86_400_000) },
  rule: 'risk/default-hold',
  reason: 'No risk rule decides on this transfer.',
} as const satisfies RiskDefault

/**
 * Walks the risk rules in order to the first enforced one that decides. An error in an `accept` lets nothing pass; one in
 * a `review`, which could let pass what a later rule holds, holds.
 */
export function decideRisk(
  rules: RuleIndex<RiskFacts, Rule<RiskFacts, RiskEffect>>,
  facts: RiskFacts,
  marks: Marks,
  whenNone: RiskDefault,
): RiskVerdict {
  const walk = new Walk(facts, marks, riskContext)
  const verdict = (effect: Outcome, told: RiskTold): RiskVerdict => {
    const shared = { ...told, unchecked: false, considered: walk.considered, marks: walk.marks }
    const { name: outcome, ...terms } = effect
    return { outcome, ...terms, ...shared } as RiskVerdict
  }
  for (const rule of rules(facts, walk)) {
    const acted = walk.acts(rule)
    const { name, effect, why, remedy, tells } = rule
    if (acted === null || effect.name === 'skip' || effect.name === 'tag') continue
    const reason = acted === 'error' ? `The rule ${name} could not be evaluated.` : why
    const safe = acted === 'error' && effect.name === 'review' ? HOLD_BY_DEFAULT.effect : effect
    return verdict(safe, { rule: name, reasons: [reason], remedy, tells })
  }
  const { effect, rule, reason } = whenNone
  return verdict(effect, { rule, reasons: [reason], remedy: null, tells: 'why' })
}

type RiskTold = Pick<RiskVerdict, 'rule' | 'reasons' | 'remedy' | 'tells'>
