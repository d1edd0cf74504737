import type { Context } from '@marcbachmann/cel-js'
import { type NamedEffect, tightens } from '../rules/effect.ts'
import type { Rule } from '../rules/rule.ts'
import { type Marks, withMarks } from './marks.ts'
import type { Considered } from './verdict.ts'

/** One walk through the rules of a kind. It takes down which of them mattered, and carries the marks from rule to rule. */
export type Walk<Facts> = {
  /** Whether and how the rule matters; null when it does not apply. Skips and tags are carried out at once. Never throws. */
  take(rule: Rule<Facts, NamedEffect>): Considered['outcome'] | null
  /** Takes the rule. @returns why its effect is to be carried out; null when it is not, or was: skip and tag */
  acts(rule: Rule<Facts, NamedEffect>): 'matched' | 'error' | null
  /** The tags that the request has by now. */
  tags(): readonly string[]
  /** What it has come to so far. */
  left(): { readonly considered: readonly Considered[]; readonly marks: Marks }
}

/** @param contextOf the facts as conditions see them; made when the first condition asks, and anew after a tag */
export function startWalk<Facts>(
  facts: Facts,
  from: Marks,
  contextOf: (facts: Facts, tags: readonly string[]) => Context,
): Walk<Facts> {
  const considered: Considered[] = []
  let marks = from
  let seen: Context | null = null
  const context = (): Context => {
    seen ??= contextOf(facts, marks.tags)
    return seen
  }

  const take: Walk<Facts>['take'] = (rule) => {
    const { name, mode, effect } = rule
    let detail: string | null = null
    try {
      if (!rule.applies(facts, marks.tags, context)) return null
    } catch (error) {
      detail = String(error).split('\n', 1)[0] ?? ''
    }
    const outcome = outcomeOf(rule, facts, marks, detail !== null)
    considered.push({ rule: name, outcome, mode, effect: effect.name, ...(detail === null ? {} : { detail }) })
    if (outcome === 'matched' && (effect.name === 'skip' || effect.name === 'tag')) {
      marks = withMarks(marks, effect)
      seen = null
    }
    return outcome
  }

  return {
    take,
    acts(rule) {
      const { mode, effect } = rule
      const outcome = take(rule)
      if (mode === 'shadow' || effect.name === 'skip' || effect.name === 'tag') return null
      if (outcome === 'error') return tightens(effect.name) && !rule.isMet(facts) ? 'error' : null
      return outcome === 'matched' ? 'matched' : null
    },
    tags: () => marks.tags,
    left: () => ({ considered, marks }),
  }
}

function outcomeOf<Facts>(
  rule: Rule<Facts, NamedEffect>,
  facts: Facts,
  marks: Marks,
  failed: boolean,
): Considered['outcome'] {
  if (marks.skips.includes(rule.name)) return 'skipped'
  if (failed) return 'error'
  if (rule.isMet(facts)) return 'satisfied'
  return rule.mode === 'shadow' ? 'shadow' : 'matched'
}
