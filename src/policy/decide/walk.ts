import type { Context } from '@marcbachmann/cel-js'
import { type NamedEffect, tightens } from '../rules/effect.ts'
import type { Rule } from '../rules/rule.ts'
import { type Marks, withMarks } from './marks.ts'
import type { Considered } from './verdict.ts'

/**
 * One walk through the rules of a kind. It takes down which of them mattered, and carries the marks from rule to rule. One
 * object, made several times for each request.
 */
export class Walk<Facts> {
  readonly considered: Considered[] = []
  /** What the request carries by now. */
  marks: Marks
  readonly #facts: Facts
  readonly #contextOf: (facts: Facts, tags: readonly string[]) => Context
  #seen: Context | null = null

  /** @param contextOf the facts as conditions see them; made when the first condition asks, and anew after a tag */
  constructor(facts: Facts, from: Marks, contextOf: (facts: Facts, tags: readonly string[]) => Context) {
    this.marks = from
    this.#facts = facts
    this.#contextOf = contextOf
  }

  get tags(): readonly string[] {
    return this.marks.tags
  }

  context(): Context {
    this.#seen ??= this.#contextOf(this.#facts, this.marks.tags)
    return this.#seen
  }

  /** Whether and how the rule matters; null when it does not apply. Skips and tags are carried out at once. Never throws. */
  take(rule: Rule<Facts, NamedEffect>): Considered['outcome'] | null {
    const { name, mode, effect } = rule
    let detail: string | null = null
    try {
      if (!rule.applies(this.#facts, this)) return null
    } catch (error) {
      detail = String(error).split('\n', 1)[0] ?? ''
    }
    const outcome = outcomeOf(rule, this.#facts, this.marks, detail !== null)
    this.considered.push({ rule: name, outcome, mode, effect: effect.name, ...(detail === null ? {} : { detail }) })
    if (outcome === 'matched' && (effect.name === 'skip' || effect.name === 'tag')) {
      this.marks = withMarks(this.marks, effect)
      this.#seen = null
    }
    return outcome
  }

  /** Whether a rule that asks a ruleset applies and is not skipped. One that can't be evaluated does: it can only deny. */
  reaches({
    name,
    mode,
    effect,
    applies,
  }: Pick<Rule<Facts, NamedEffect>, 'name' | 'mode' | 'effect' | 'applies'>): boolean {
    let detail: string | null = null
    try {
      if (!applies(this.#facts, this)) return false
    } catch (error) {
      detail = String(error).split('\n', 1)[0] ?? ''
    }
    const isSkipped = this.marks.skips.includes(name)
    const outcome = isSkipped ? 'skipped' : 'error'
    if (isSkipped || detail !== null) {
      this.considered.push({ rule: name, outcome, mode, effect: effect.name, ...(detail === null ? {} : { detail }) })
    }
    return !isSkipped
  }

  /** Takes the rule. @returns why its effect is to be carried out; null when it is not, or was: skip and tag */
  acts(rule: Rule<Facts, NamedEffect>): 'matched' | 'error' | null {
    const { mode, effect } = rule
    const outcome = this.take(rule)
    if (mode === 'shadow' || effect.name === 'skip' || effect.name === 'tag') return null
    if (outcome === 'error') return tightens(effect.name) && !rule.isMet(this.#facts) ? 'error' : null
    return outcome === 'matched' ? 'matched' : null
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
