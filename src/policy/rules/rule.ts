import type { Context } from '@marcbachmann/cel-js'
import type { Instant } from '../../kernel/clock.ts'
import type { CheckedRule } from '../checked.ts'
import type { Condition, ConditionFault } from '../conditions/condition.ts'
import type { FactPath } from '../conditions/reads.ts'
import { remembered } from '../conditions/remembered.ts'
import type { Mode, Tells } from '../decide/verdict.ts'
import type { RuleKind, WrittenRule } from '../language/schema.ts'
import type { FindingExtras, Path } from '../language/source.ts'
import type { Lists } from '../lists/lists.ts'
import { type EffectFault, type NamedEffect, tightens } from './effect.ts'
import { lifeOf } from './expiry.ts'
import { findMatchFaults, type Match, type Predicate } from './match.ts'
import { type RuleSummary, readsOfRule } from './rule-summary.ts'
import type { Throttle } from './throttle.ts'

/** A compiled rule. */
export type Rule<Facts, Effect> = {
  /** `kind/id` */
  readonly name: string
  readonly mode: Mode
  readonly why: string
  readonly remedy: string | null
  readonly tells: Tells
  readonly effect: Effect
  readonly match: Match
  /** The facts that its `match` and `when` can read. */
  readonly reads: readonly FactPath[]
  /** Whether it applies. @throws when that can not be evaluated on these facts */
  applies(facts: Facts, seen: Seen): boolean
  /** Whether the request brings what the effect asks for; only a step-up asks for something. */
  isMet(facts: Facts): boolean
}

/** What earlier rules tagged the request with, and its facts as conditions see them, made when they are asked for. */
export type Seen = { readonly tags: readonly string[]; context(): Context }

/** What differs from kind to kind. */
export type Dialect<K extends RuleKind, Facts, Effect> = {
  readonly kind: K
  predicates(match: Match, lists: Lists): readonly Predicate<Facts>[]
  condition(text: string): Condition | ConditionFault
  effect(written: WrittenRule<K>['effect']): Effect | EffectFault
  isMet?(effect: Effect, facts: Facts): boolean
}

/** Compiles the rules of one kind, added in the order in which they are to be walked. */
export function ruleCompiler<K extends RuleKind, Facts, Effect extends NamedEffect>(
  dialect: Dialect<K, Facts, Effect>,
  lists: Lists,
  now: Instant,
) {
  const rules: Rule<Facts, Effect>[] = []
  const summaries: RuleSummary[] = []
  const allReads = new Set<FactPath>()
  const ids = new Set<string>()
  return {
    rules: rules as readonly Rule<Facts, Effect>[],
    summaries: summaries as readonly RuleSummary[],
    /** The facts that any of them can read. */
    reads: allReads as ReadonlySet<FactPath>,
    add(checked: CheckedRule<K>, report: Report): void {
      const { kind, file, line } = checked
      const written: WrittenRule<K> = checked.written
      if (ids.has(written.id)) report(['id'], 'duplicate-id', `the id '${written.id}' stands twice in ${kind}`)
      ids.add(written.id)
      const parts = compileParts(written, dialect, lists, report)
      if (parts === null) return
      const { match, condition, effect } = parts
      const life = lifeOf(written, tightens(effect.name), now, report)
      if (life === null) return
      const { mode, expires } = life
      const name = `${kind}/${written.id}`
      const { when = null, owner = null, remedy = null, tells = 'why' } = written
      const why = written.why ?? `The rule ${name} says so.`
      const holds = remembered(condition)
      const predicates = dialect.predicates(match, lists)
      const own = isThrottle(effect) ? effect : { reads: [], lists: [], allowance: null }
      const looks: readonly FactPath[] = effect.name === 'ruleset' ? ['request.path'] : []
      const reads = readsOfRule(match, lists, [...condition.reads, ...own.reads, ...looks])
      for (const path of reads) allReads.add(path)
      rules.push({
        ...{ name, mode, why, remedy, tells, effect, match, reads },
        applies: (facts, seen) => {
          for (const selects of predicates) if (!selects(facts, seen.tags)) return false
          return condition === always || holds(facts, seen)
        },
        isMet: (facts) => dialect.isMet?.(effect, facts) ?? false,
      })
      summaries.push({
        ...{ name, kind, mode, file, line, match, when, why, owner, expires, reads },
        effect: effect.name,
        lists: [...new Set([...(match.lists ?? []), ...condition.lists, ...own.lists])],
        throttle: own.allowance,
      })
    },
  }
}

/** Takes down what is wrong at a place inside one rule. */
export type Report = (path: Path, code: string, message: string, extras?: FindingExtras) => void

/** What a rule is made of, or null when something was reported that keeps it from being one. */
function compileParts<K extends RuleKind, Facts, Effect extends NamedEffect>(
  written: WrittenRule<K>,
  dialect: Dialect<K, Facts, Effect>,
  lists: Lists,
  report: Report,
): { readonly match: Match; readonly condition: Condition; readonly effect: Effect } | null {
  const match: Match = written.match ?? {}
  const faults = findMatchFaults(match, lists)
  for (const { path, code, message } of faults) report(['match', ...path], code, message)
  const condition = written.when === undefined ? always : dialect.condition(written.when)
  if (typeof condition !== 'function') report(['when'], condition.code, condition.message, condition)
  const effect = dialect.effect(written.effect)
  if ('fault' in effect) report(['effect', ...effect.path], effect.fault, effect.message, effect.extras)
  if (written.match === undefined && written.when === undefined) {
    const hint = "write `when: 'true'` if it is meant for everything"
    report([], 'no-condition', `the rule '${written.id}' has neither \`match\` nor \`when\``, { hint })
  }
  if (faults.length > 0 || typeof condition !== 'function' || 'fault' in effect) return null
  return { match, condition, effect }
}

function isThrottle(effect: NamedEffect): effect is Throttle {
  return effect.name === 'throttle'
}

const always: Condition = Object.assign(() => true, { reads: [], lists: [] })
