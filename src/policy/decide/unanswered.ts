import { isWithin } from '../conditions/reads.ts'
import type { RiskFacts } from '../facts.ts'
import type { OnError, OnErrors } from '../language/on-error.ts'
import type { RiskEffect } from '../rules/effect.ts'
import type { Rule } from '../rules/rule.ts'
import type { RuleIndex } from '../rules/rule-index.ts'
import { decideRisk, HOLD_BY_DEFAULT, type RiskDefault } from './decide.ts'
import { type Marks, UNCHECKED, withMarks } from './marks.ts'
import type { RiskVerdict } from './verdict.ts'

const ACCEPT_UNCHECKED: RiskDefault = {
  effect: { name: 'accept' },
  rule: 'risk/unchecked-accept',
  reason: 'The fraud check could not be made, and no rule that does without it stops this transfer.',
}
const CLOSED = {
  rule: 'risk/unchecked-closed',
  reasons: ['The fraud check could not be made.'],
  remedy: null,
  tells: 'why',
  unchecked: false,
  considered: [],
} as const

type RiskRule = Rule<RiskFacts, RiskEffect>
type RiskRules = RuleIndex<RiskFacts, RiskRule>

/**
 * Decides by the risk rules and, where the fraud provider gave no answer, by what the files say of that.
 * @param unasked those of the rules that do without the provider
 */
export function riskDecider(
  rules: RiskRules,
  unasked: RiskRules,
  onErrors: OnErrors,
): (facts: RiskFacts, marks: Marks) => RiskVerdict {
  return (facts, marks) => {
    if (facts.provider.status === 'ok') return decideRisk(rules, facts, marks, HOLD_BY_DEFAULT)
    switch (whatNow(onErrors['fraud-provider'], facts)) {
      case 'open':
        return decideUnchecked(unasked, facts, marks)
      case 'hold':
        return heldAtLeast(decideRisk(rules, facts, marks, HOLD_BY_DEFAULT))
      case 'closed':
        return { outcome: 'closed', ...CLOSED, marks }
    }
  }
}

/** The rules that do not ask what the provider says. */
export function withoutProvider(rules: readonly RiskRule[]): readonly RiskRule[] {
  return rules.filter(({ reads }) => !reads.some((path) => isWithin(path, 'provider')))
}

/** A budget has room only where that was asked and found: not known is used up. */
function whatNow(onError: OnError, { provider }: RiskFacts): 'open' | 'hold' | 'closed' {
  if (onError.kind !== 'budget') return onError.kind
  return provider.budget === 'left' ? 'open' : onError.whenSpent
}

/** The tag stands while the rules are walked, so that they can hold some of what would pass; it stays on what does. */
function decideUnchecked(rules: RiskRules, facts: RiskFacts, marks: Marks): RiskVerdict {
  const verdict = decideRisk(rules, facts, withMarks(marks, { tags: [UNCHECKED] }), ACCEPT_UNCHECKED)
  if (verdict.outcome === 'accept' || verdict.outcome === 'review') return { ...verdict, unchecked: true }
  const tags = verdict.marks.tags.filter((tag) => tag !== UNCHECKED)
  return { ...verdict, marks: { ...verdict.marks, tags } }
}

function heldAtLeast(verdict: RiskVerdict): RiskVerdict {
  if (verdict.outcome !== 'accept' && verdict.outcome !== 'review') return verdict
  const { name: outcome, ...terms } = HOLD_BY_DEFAULT.effect
  const reasons = ['The fraud check could not be made; people decide.']
  return { ...verdict, outcome, ...terms, rule: 'risk/unchecked-hold', reasons }
}
