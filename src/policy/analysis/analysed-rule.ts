import type { Instant } from '../../kernel/clock.ts'
import type { RuleKind } from '../language/schema.ts'
import type { EffectName } from '../rules/effect.ts'
import type { Match } from '../rules/match.ts'
import type { Report } from '../rules/rule.ts'
import type { RuleSummary } from '../rules/rule-summary.ts'
import type { PlacedRule } from './mark-faults.ts'

/** A rule that is in force, as analysis sees it. Rules come in the order in which they are walked. */
export type AnalysedRule = {
  /** `kind/id` */
  readonly name: string
  readonly kind: RuleKind
  readonly match: Match
  /** The condition that has a say too; null where there is none, or only `true`. */
  readonly when: string | null
  readonly isEnforced: boolean
  /** An access rule that is walked apart, once the body has been read. */
  readonly readsBody: boolean
  readonly effect: EffectName
  /** The rules that it skips; empty unless it does. */
  readonly skips: readonly string[]
  /** The names that it gives a request; empty unless it tags. */
  readonly gives: readonly string[]
  readonly expires: Instant | null
  readonly report: Report
}

/** The rules in force, of all that are written: what has lapsed is left out, a shadow that has expired is enforced. */
export function analysedRules(
  summaries: readonly RuleSummary[],
  written: readonly PlacedRule[],
): readonly AnalysedRule[] {
  const byName = new Map(written.map((it) => [`${it.rule.kind}/${it.rule.written.id}`, it]))
  return summaries.flatMap(({ name, kind, match, when, mode, effect, expires }) => {
    const found = byName.get(name)
    if (found === undefined) return []
    const marks = typeof found.rule.written.effect === 'string' ? {} : found.rule.written.effect
    return {
      ...{ name, kind, match, effect, expires },
      when: when?.trim() === 'true' ? null : when,
      isEnforced: mode === 'enforce',
      readsBody: found.readsBody,
      skips: ('skip' in marks && marks.skip) || [],
      gives: ('tag' in marks && marks.tag) || [],
      report: found.report,
    }
  })
}

/** A rule of this effect ends the walk through its kind, whatever the request brings. */
export function decides({ effect, kind }: AnalysedRule): boolean {
  return kind !== 'quota' && !['skip', 'tag', 'stepUp', 'ruleset'].includes(effect)
}
