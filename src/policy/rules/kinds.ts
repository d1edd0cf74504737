import type { Instant } from '../../kernel/clock.ts'
import type { CheckedRule } from '../checked.ts'
import { conditionCompiler, valueCompiler } from '../conditions/condition.ts'
import { isSteppedUp } from '../decide/step-up.ts'
import { ACCESS_FACTS, type AccessFacts, BODY_FACTS, REQUEST_FACTS, RISK_FACTS } from '../facts.ts'
import type { RuleKind, WrittenRule } from '../language/schema.ts'
import type { Lists } from '../lists/lists.ts'
import type { Rulesets } from '../rulesets/load-rulesets.ts'
import { type GateEffect, readGateEffect, readQuotaEffect, readRiskEffect } from './effect.ts'
import { accessPredicates, requestPredicates, riskPredicates } from './match.ts'
import { type Report, ruleCompiler } from './rule.ts'
import type { RuleSummary } from './rule-summary.ts'

export type RuleCompilers = ReturnType<typeof ruleCompilers>

/** What compiles the rules of each kind, one rule after the other. */
export function ruleCompilers(lists: Lists, now: Instant, rulesets: Rulesets) {
  const readFirewallEffect = firewallEffects(rulesets)
  const onRequest = conditionCompiler(REQUEST_FACTS, lists)
  const onAccess = conditionCompiler(ACCESS_FACTS, lists)
  const onBody = conditionCompiler(BODY_FACTS, lists)
  const onRisk = conditionCompiler(RISK_FACTS, lists)
  const firewall = { kind: 'firewall', predicates: requestPredicates, condition: onRequest } as const
  const access = { kind: 'access', predicates: accessPredicates, condition: onBody } as const
  const compileValue = valueCompiler(ACCESS_FACTS, lists)
  const readQuota = (written: WrittenRule<'quota'>['effect']) => readQuotaEffect(written, compileValue)
  const quota = { kind: 'quota', predicates: accessPredicates, condition: onAccess, effect: readQuota } as const
  const risk = { kind: 'risk', predicates: riskPredicates, condition: onRisk, effect: readRiskEffect } as const
  return {
    firewall: ruleCompiler({ ...firewall, effect: readFirewallEffect }, lists, now),
    access: ruleCompiler({ ...access, effect: readAccessEffect, isMet }, lists, now),
    quota: ruleCompiler(quota, lists, now),
    risk: ruleCompiler(risk, lists, now),
  }
}

/** All rules, kind by kind, in the order in which they are walked. */
export function summariesOf({ firewall, access, quota, risk }: RuleCompilers): readonly RuleSummary[] {
  return [firewall, access, quota, risk].flatMap((kind) => kind.summaries)
}

/** Compiles a rule with the compiler of its kind. */
export function addRule<K extends RuleKind>(compilers: RuleCompilers, rule: CheckedRule<K>, report: Report): void {
  const adders: { readonly [P in RuleKind]: (rule: CheckedRule<P>, report: Report) => void } = {
    firewall: (it, say) => compilers.firewall.add(it, say),
    access: (it, say) => compilers.access.add(it, say),
    quota: (it, say) => compilers.quota.add(it, say),
    risk: (it, say) => compilers.risk.add(it, say),
  }
  adders[rule.kind](rule, report)
}

function firewallEffects(rulesets: Rulesets) {
  return (written: WrittenRule<'firewall'>['effect']): GateEffect => {
    if (typeof written === 'string' || !('ruleset' in written)) return readGateEffect('firewall', written)
    const ruleset = rulesets.get(written.ruleset)
    if (ruleset !== undefined) return { name: 'ruleset', ruleset }
    return { name: 'tag', tags: [] } // it has faults, which are errors: nothing is made of these rules
  }
}

const readAccessEffect = (written: WrittenRule<'access'>['effect']): GateEffect => readGateEffect('access', written)

const isMet = (effect: GateEffect, facts: AccessFacts): boolean =>
  effect.name === 'stepUp' && isSteppedUp(effect, facts)
