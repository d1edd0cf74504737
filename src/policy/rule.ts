import type { Context } from '@marcbachmann/cel-js'
import { fromRfc3339, type Instant } from '../kernel/clock.ts'
import type { CheckedRule } from './checked.ts'
import type { Condition, ConditionFault } from './condition.ts'
import type { EffectFault } from './effect.ts'
import type { Lists } from './lists.ts'
import { findMatchFaults, type Match, type Predicate } from './match.ts'
import type { RuleKind, WrittenRule } from './schema.ts'
import type { FindingExtras, Path } from './source.ts'
import type { Considered, Mode } from './verdict.ts'

/** A compiled rule. */
export type Rule<Facts, Effect> = {
  /** `kind/id` */
  readonly name: string
  readonly mode: Mode
  readonly why: string
  readonly remedy: string | null
  readonly effect: Effect
  readonly match: Match
  /** Whether it applies. @throws when that can not be evaluated on these facts */
  applies(facts: Facts, context: () => Context): boolean
}

/** What differs from kind to kind. */
export type Dialect<K extends RuleKind, Facts, Effect> = {
  readonly kind: K
  predicates(match: Match, lists: Lists): readonly Predicate<Facts>[]
  condition(text: string): Condition | ConditionFault
  effect(written: WrittenRule<K>['effect']): Effect | EffectFault
}

/** Compiles the rules of one kind, added in the order in which they are to be walked. */
export function ruleCompiler<K extends RuleKind, Facts, Effect extends object>(
  dialect: Dialect<K, Facts, Effect>,
  lists: Lists,
  now: Instant,
) {
  const rules: Rule<Facts, Effect>[] = []
  const expiries: Instant[] = []
  const ids = new Set<string>()
  return {
    rules: rules as readonly Rule<Facts, Effect>[],
    expiries: expiries as readonly Instant[],
    add({ kind, written }: CheckedRule<K>, report: Report): void {
      if (ids.has(written.id)) report(['id'], 'duplicate-id', `the id '${written.id}' stands twice in ${kind}`)
      ids.add(written.id)
      const expires = readExpiry(written, now, report)
      const rule = compileRule(written, dialect, lists, report)
      if (rule === null || expires === 'lapsed') return
      if (expires !== null) expiries.push(expires)
      rules.push(rule)
    },
  }
}

/** Takes down what is wrong at a place inside one rule. */
export type Report = (path: Path, code: string, message: string, extras?: FindingExtras) => void

/** A rule, or null when something was reported that keeps it from being one. */
function compileRule<K extends RuleKind, Facts, Effect extends object>(
  written: WrittenRule<K>,
  dialect: Dialect<K, Facts, Effect>,
  lists: Lists,
  report: Report,
): Rule<Facts, Effect> | null {
  const match: Match = written.match ?? {}
  const faults = findMatchFaults(match, lists)
  for (const { path, code, message } of faults) report(['match', ...path], code, message)
  const condition = written.when === undefined ? always : dialect.condition(written.when)
  if (typeof condition !== 'function') report(['when'], condition.code, condition.message, condition)
  const effect = dialect.effect(written.effect)
  if ('fault' in effect) report(['effect', ...effect.path], effect.fault, effect.message)
  if (written.match === undefined && written.when === undefined) {
    const hint = "write `when: 'true'` if it is meant for everything"
    report([], 'no-condition', `the rule '${written.id}' has neither \`match\` nor \`when\``, { hint })
  }
  if (faults.length > 0 || typeof condition !== 'function' || 'fault' in effect) return null
  const predicates = dialect.predicates(match, lists)
  const name = `${dialect.kind}/${written.id}`
  return {
    name,
    mode: written.mode ?? 'enforce',
    why: written.why ?? `The rule ${name} says so.`,
    remedy: written.remedy ?? null,
    effect,
    match,
    applies: (facts, context) => predicates.every((holds) => holds(facts)) && condition(context()),
  }
}

const always: Condition = Object.assign(() => true, { reads: [], lists: [] })

/** When the rule lapses; a rule that has lapsed is left out, and the check says so. */
function readExpiry({ id, expires }: WrittenRule, now: Instant, report: Report): Instant | 'lapsed' | null {
  if (expires === undefined) return null
  const instant = fromRfc3339(expires)
  if (instant === null) {
    report(['expires'], 'bad-date', `'${expires}' is not an RFC 3339 time`, { hint: 'such as 2030-12-31T00:00:00Z' })
  } else if (instant <= now) {
    report(['expires'], 'expired', `the rule '${id}' has lapsed and is not applied`, { severity: 'warning' })
    return 'lapsed'
  }
  return instant
}

/** Whether and how a rule matters to these facts; null when it does not apply. Never throws. */
export function consider<Facts, Effect extends { readonly name: string }>(
  rule: Rule<Facts, Effect>,
  facts: Facts,
  context: () => Context,
): Considered | null {
  const { name, mode, effect } = rule
  try {
    if (!rule.applies(facts, context)) return null
    return { rule: name, outcome: mode === 'shadow' ? 'shadow' : 'matched', mode, effect: effect.name }
  } catch (error) {
    return { rule: name, outcome: 'error', mode, effect: effect.name, detail: String(error).split('\n', 1)[0] ?? '' }
  }
}
