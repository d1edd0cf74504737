import type { Instant } from '../../kernel/clock.ts'
import { tightens } from '../rules/effect.ts'
import type { AnalysedRule } from './analysed-rule.ts'

/** The days on which a rule lapses, or its shadow ends, in order. */
export function endsOf(rules: readonly AnalysedRule[]): readonly Instant[] {
  const ends = rules.flatMap(({ expires }) => (expires === null ? [] : [expires]))
  return [...new Set(ends)].sort((a, b) => a - b)
}

/** The rules as they will be at a time, if nobody edits them. */
export function rulesAt(rules: readonly AnalysedRule[], at: Instant): readonly AnalysedRule[] {
  return rules.flatMap((rule) => {
    if (rule.expires === null || rule.expires > at) return rule
    return tightens(rule.effect) && !rule.isEnforced ? { ...rule, isEnforced: true, expires: null } : []
  })
}

/** The rules of all times at once: whether one that ends applies is left open, as it is with a `when`. */
export function rulesOfAllTimes(rules: readonly AnalysedRule[]): readonly AnalysedRule[] {
  return rules.map((rule) => (rule.expires === null ? rule : { ...rule, when: rule.when ?? 'now < expires' }))
}
