import { Collections } from '../engine/collections.ts'
import { Memory } from '../engine/memory.ts'
import { matchLink } from '../engine/run.ts'
import { standingWith } from '../engine/standing.ts'
import { Transaction } from '../engine/transaction.ts'
import { Settings } from '../engine/written.ts'
import type { Macro } from '../operators/operator.ts'
import { LiteralMatcher } from '../patterns/literal-matcher.ts'
import { EMPTY_REQUEST } from '../request/wire-request.ts'
import { acting, doesSomething, type Placed } from './acting.ts'
import type { Link, Phase, PlannedRule, RuleSelector } from './plan.ts'
import { withoutUnread } from './unread.ts'
import { watchesOf } from './watches.ts'

type Phases = Readonly<Record<Phase, readonly PlannedRule[]>>

/**
 * Decides, once, what is the same for every request: rules that look only at what rules before them have set to fixed
 * values, such as the level of paranoia. What they set is there from the beginning, and what they skip is left out.
 * @param removable rules that a request may leave out: nothing of them is decided before
 */
export function foldConstants(
  phases: Phases,
  settings: ReadonlyMap<string, string>,
  removable: readonly RuleSelector[],
) {
  const folding = new Folding(settings, removable)
  const folded = { 1: folding.phase(phases[1]), 2: folding.phase(phases[2]) }
  return { phases: withoutUnread(folded, folding.removable), settings: folding.settings }
}

class Folding {
  readonly #transaction: Transaction
  /** Grows with what rules that are kept may take out behind them. */
  readonly #removable: RuleSelector[]
  /** Keys of `TX` that may differ from request to request. */
  readonly #unknown = new Set(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
  readonly #unknownPrefixes: string[] = []
  /** Keys that a rule which is kept reads or sets: what it sees must not come from behind it. */
  readonly #touched = new Set<string>()
  #isAllTouched = false

  constructor(settings: ReadonlyMap<string, string>, removable: readonly RuleSelector[]) {
    const phases = { 1: [], 2: [] }
    const plan = {
      phases,
      watches: watchesOf(phases),
      matcher: new LiteralMatcher(new Map(), 1),
      memory: new Memory(),
      lanes: 0,
      settings: new Settings(settings),
      rules: 0,
    }
    const collections = new Collections(EMPTY_REQUEST, plan.memory.texts)
    const steps = { left: Number.POSITIVE_INFINITY }
    this.#transaction = new Transaction(plan, collections, steps, standingWith(plan.settings))
    this.#removable = [...removable]
  }

  get removable(): readonly RuleSelector[] {
    return this.#removable
  }

  get settings(): ReadonlyMap<string, string> {
    return this.#transaction.tx.texts()
  }

  phase(rules: readonly PlannedRule[]): readonly PlannedRule[] {
    const kept: Placed[] = []
    for (let index = 0; index < rules.length; ) {
      const rule = rules[index] as PlannedRule
      const next = this.#decide(
        rule,
        index,
        kept.map((each) => each.rule.skipTo ?? 0),
      )
      if (next === null) {
        this.#keep(rule)
        kept.push({ rule: this.#settled(rule), index })
      }
      index = next ?? index + 1
    }
    return acting(kept, (rule) => doesSomething(rule) || this.#isRemovable(rule))
  }

  /** Where every request goes on behind the rule, which then need not be there; null: that differs. */
  #decide(rule: PlannedRule, index: number, jumps: readonly number[]): number | null {
    const [head] = rule.links
    if (head === undefined || this.#isRemovable(rule)) return null
    if (!rule.links.every((link) => this.#isFixed(link))) {
      const condition = { ...head, captures: false, effects: [] }
      const isNever = this.#isFixed(condition) && head.lane !== null && !this.#matches(rule, [condition])
      return isNever ? index + 1 : null
    }
    const next = rule.skipTo ?? index + 1
    const sets = rule.links.flatMap(({ effects }) => effects)
    if (sets.length === 0 && !this.#matches(rule, rule.links)) return index + 1
    const mayBePassedBy = jumps.some((jump) => jump > index)
    if (sets.length > 0 && (mayBePassedBy || sets.some((effect) => this.#isSeenBefore(effect)))) return null
    if (jumps.some((jump) => jump > index && jump < next)) return null // somebody lands in what it skips
    if (rule.links.length > 1 && sets.length > 0) return null
    if (rule.end !== 'score' || rule.isTold) return null
    return sets.length === 0 || this.#matches(rule, rule.links) ? next : index + 1
  }

  #isRemovable(rule: PlannedRule): boolean {
    return this.#removable.some((selects) => selects(rule))
  }

  #matches(rule: PlannedRule, links: readonly Link[]): boolean {
    this.#transaction.matched = []
    this.#transaction.current = rule
    return links.every((link) => matchLink(unfiltered(link), rule, this.#transaction))
  }

  #isFixed({ lane, match, captures, effects }: Link): boolean {
    const targets = lane?.targets ?? []
    return (
      !captures &&
      match?.isOfRequest !== true &&
      targets.every(
        ({ variable, keys }) => variable === 'TX' && keys !== null && 'name' in keys && this.#isKnown(keys.name),
      ) &&
      (match?.macro === undefined || this.#isFixedText(match.macro)) &&
      effects.every(
        (effect) =>
          effect.kind === 'set' &&
          effect.collection === 'TX' &&
          effect.key.fixed !== null &&
          this.#isFixedText(effect.value) &&
          (effect.sign === '=' || this.#isKnown(effect.key.fixed.toLowerCase())),
      )
    )
  }

  /** A rule that is kept, with the texts in place of what it compares with where they are the same for every request. */
  #settled(rule: PlannedRule): PlannedRule {
    if (this.#isRemovable(rule)) return rule
    const links = rule.links.map((link) => {
      const { match } = link
      if (match?.macro === undefined || match.macro.fixed !== null || !this.#isFixedText(match.macro)) return link
      const settled = match.settled?.(this.#transaction.expand(match.macro)) ?? null
      return settled === null ? link : { ...link, match: settled }
    })
    return { ...rule, links }
  }

  #isFixedText({ parts }: Macro): boolean {
    return parts.every(
      (part) =>
        typeof part === 'string' ||
        (part.variable === 'TX' && part.key !== null && this.#isKnown(part.key.toLowerCase())),
    )
  }

  #isKnown(key: string): boolean {
    return !this.#unknown.has(key) && !this.#unknownPrefixes.some((prefix) => key.startsWith(prefix))
  }

  #isSeenBefore(effect: Link['effects'][number]): boolean {
    return effect.kind !== 'set' || this.#isAllTouched || this.#touched.has(effect.key.fixed?.toLowerCase() ?? '')
  }

  #keep({ links, message, detail }: PlannedRule): void {
    for (const macro of [message, detail]) this.#touchText(macro)
    for (const { lane, match, effects } of links) {
      if (match?.macro !== undefined) this.#touchText(match.macro)
      for (const { variable, keys } of lane?.targets ?? []) {
        if (variable !== 'TX') continue
        if (keys !== null && 'name' in keys) this.#touched.add(keys.name)
        else this.#isAllTouched = true
      }
      for (const effect of effects) {
        if (effect.kind === 'remove') this.#removable.push(effect.selects)
        if (effect.kind !== 'set' && effect.kind !== 'unset') continue
        if (effect.kind === 'set') this.#touchText(effect.value)
        this.#touchText(effect.key)
        if (effect.collection !== 'TX') continue
        const [first] = effect.key.parts
        if (effect.key.fixed === null) this.#unknownPrefixes.push(typeof first === 'string' ? first.toLowerCase() : '')
        else {
          this.#unknown.add(effect.key.fixed.toLowerCase())
          this.#touched.add(effect.key.fixed.toLowerCase())
        }
      }
    }
  }

  #touchText({ parts }: Macro): void {
    for (const part of parts) {
      if (typeof part === 'string' || part.variable !== 'TX') continue
      if (part.key === null) this.#isAllTouched = true
      else this.#touched.add(part.key.toLowerCase())
    }
  }
}

/** A link whose operator is asked itself: no literals are looked for here. */
function unfiltered(link: Link): Link {
  return { ...link, filter: null, match: link.match && { ...link.match, isDecidedByLiterals: false } }
}
