import { Memory } from '../engine/memory.ts'
import { Settings } from '../engine/written.ts'
import { compileOperator } from '../operators/index.ts'
import { LiteralMatcher } from '../patterns/literal-matcher.ts'
import type { Place, RulesetFault, RulesetFile } from '../seclang/place.ts'
import type { Action, Directive, SecRule, Target } from '../seclang/syntax.ts'
import { chainOf, type Headline, headlineOf } from './actions.ts'
import { Chains, stagesOf } from './chains.ts'
import { effectsOf } from './effects.ts'
import { Faults } from './faults.ts'
import { foldConstants } from './fold.ts'
import { Owners } from './owners.ts'
import type { Link, Phase, Plan, PlannedRule, RuleSelector } from './plan.ts'
import { byId, selectorOf } from './selectors.ts'
import { checkSetting } from './settings.ts'
import { Lanes } from './targets.ts'
import { watchesOf } from './watches.ts'

/** What a ruleset is compiled from. */
export type RulesetText = {
  readonly directives: readonly Directive[]
  /** The files that operators may name. */
  readonly files: readonly RulesetFile[]
  /** What `TX` has at the beginning. */
  readonly settings: ReadonlyMap<string, string>
  /** What is left out of it: rules, or of rules some targets. */
  readonly without: readonly LeftOut[]
  /** Rules that are left out of some requests. */
  readonly removable: readonly RuleSelector[]
  /** All that is left out by the policies, to be told where it leaves out nothing. */
  readonly excluded: readonly { readonly selects: RuleSelector; readonly place: Place }[]
}

/** `targets` null: the whole rule. */
type LeftOut = { readonly selects: RuleSelector; readonly targets: readonly Target[] | null }

/** A rule whose jump is not known yet. */
type Placed = PlannedRule & { readonly jump: Pick<Headline, 'skipAfter' | 'skip'> }

/** Compiles a ruleset; it yields after each directive. `plan` is null when a fault is an error. */
export function* compileRuleset(
  text: RulesetText,
): Generator<void, { readonly plan: Plan | null; readonly faults: readonly RulesetFault[] }, void> {
  const compiler = new Compiler(text)
  for (const directive of text.directives) {
    compiler.take(directive)
    yield
  }
  return compiler.end()
}

class Compiler {
  readonly #text: RulesetText
  readonly #faults = new Faults()
  readonly #chains = new Chains()
  readonly #lanes = new Lanes()
  readonly #owners = new Owners()
  readonly #phases: Record<Phase, Placed[]> = { 1: [], 2: [] }
  /** Where each marker stands in each phase. */
  readonly #markers = new Map<string, Readonly<Record<Phase, number>>>()
  readonly #defaults = new Map<number, readonly Action[]>()
  readonly #ids = new Set<string>()
  readonly #excluding = new Set<RuleSelector>()
  readonly #without: readonly LeftOut[]
  #later = 0

  constructor(text: RulesetText) {
    this.#text = text
    // What is written behind the rules holds for them too.
    const written = text.directives.flatMap((directive): LeftOut[] => {
      if (directive.kind === 'retarget') {
        return [{ selects: selectorOf(directive.by, directive.what), targets: directive.targets }]
      }
      if (directive.kind !== 'remove') return []
      const { by, what } = directive
      return [by === 'id' ? byId(what) : selectorOf(by, what.join(' '))].map((selects) => ({ selects, targets: null }))
    })
    this.#without = [...text.without, ...written]
  }

  take(directive: Directive): void {
    switch (directive.kind) {
      case 'rule':
        this.#takeRule(directive.rule)
        return
      case 'marker':
        this.#markers.set(directive.name, { 1: this.#phases[1].length, 2: this.#phases[2].length })
        return
      case 'defaults': {
        const { phase } = headlineOf([...directive.actions, DEFAULTS_ID], directive.place, new Map(), this.#faults)
        this.#defaults.set(phase, directive.actions)
        return
      }
      case 'setting':
        checkSetting(directive, this.#faults)
    }
  }

  #takeRule(rule: SecRule): void {
    const faults = this.#faults
    const headline = headlineOf(rule.actions, rule.place, this.#defaults, faults)
    const { id, phase, skipAfter, skip } = headline
    if (this.#ids.has(id)) faults.error(rule.place, 'duplicate-id', `the id ${id} stands twice in the ruleset`)
    this.#ids.add(id)
    if (phase !== 1 && phase !== 2) {
      this.#later += 1
      return
    }
    for (const { selects } of this.#text.excluded) if (selects(headline)) this.#excluding.add(selects)
    const leftOut = this.#without.filter(({ selects }) => selects(headline))
    if (leftOut.some(({ targets }) => targets === null)) return
    const retargets = leftOut.flatMap(({ targets }) => targets ?? [])
    const links = [rule, ...rule.chained].map((each, index) => this.#linkOf(each, index === 0 ? retargets : [], id))
    this.#phases[phase].push({
      ...headline,
      ...{ phase, place: rule.place, skipTo: null, jump: { skipAfter, skip } },
      links: links.filter((link) => link !== null),
    })
  }

  /** Null where there is a fault. */
  #linkOf(rule: SecRule, retargets: readonly Target[], id: string): Link | null {
    const faults = this.#faults
    const { operator, actions, place } = rule
    const before = faults.all.length
    const has = (name: string): boolean => actions.some((action) => action.name === name)
    const chain = chainOf(actions, id, this.#chains, faults)
    const shared = { multiMatch: has('multiMatch'), captures: has('capture'), effects: effectsOf(actions, id, faults) }
    if (operator === null) return { ...shared, lane: null, forms: [], match: null, negated: false, filter: null }
    const lane = this.#lanes.laneOf([...rule.targets, ...retargets], chain, id, faults)
    const folder = place.file.replace(/[^/]*$/, '')
    const match = compileOperator(operator.name, operator.argument, { folder, files: this.#text.files })
    if (typeof match === 'string') faults.error(operator.place, 'unsupported-operator', `rule ${id}: ${match}`)
    if (operator.name === 'rbl') {
      faults.warn(
        operator.place,
        'never-matches',
        `rule ${id}: nobody is asked (@rbl) while a request waits; use lists`,
      )
    }
    if (lane === null || typeof match === 'string' || faults.all.length > before + ONE_WARNING) return null
    const forms = shared.multiMatch ? stagesOf(chain) : [chain]
    return { ...shared, lane, forms, match, negated: operator.negated, filter: this.#owners.filterOf(match.required) }
  }

  end(): { readonly plan: Plan | null; readonly faults: readonly RulesetFault[] } {
    const faults = this.#faults
    for (const { selects, place } of this.#text.excluded) {
      if (!this.#excluding.has(selects)) faults.warn(place, 'idle-exclusion', 'no rule of the ruleset is meant by this')
    }
    const [first] = this.#text.directives
    if (this.#later > 0 && first !== undefined) {
      const place = first.kind === 'rule' ? first.rule.place : first.place
      faults.warn(place, 'later-phase', `${this.#later} rules of phases after the request are not run here`)
    }
    const phases = { 1: this.#phases[1].map(this.#jumpOf, this), 2: this.#phases[2].map(this.#jumpOf, this) }
    if (faults.all.some(({ severity }) => severity === 'error')) return { plan: null, faults: faults.all }
    const folded = foldConstants(phases, this.#text.settings, this.#text.removable)
    const matcher = new LiteralMatcher(this.#owners.usedBy(folded.phases), this.#owners.size)
    const rules = phases[1].length + phases[2].length
    const memory = new Memory()
    const watches = watchesOf(folded.phases)
    const settings = new Settings(folded.settings)
    return {
      plan: { ...folded, settings, watches, matcher, memory, lanes: this.#lanes.size, rules },
      faults: faults.all,
    }
  }

  #jumpOf({ jump, ...rule }: Placed, index: number): PlannedRule {
    const { skip, skipAfter } = jump
    if (skipAfter === null) return skip === 0 ? rule : { ...rule, skipTo: index + 1 + skip }
    const marker = this.#markers.get(skipAfter)?.[rule.phase]
    const behind = this.#phases[rule.phase].findIndex(({ id }) => id === skipAfter)
    const target = marker ?? (behind < 0 ? undefined : behind + 1)
    if (target === undefined || target <= index) {
      this.#faults.error(rule.place, 'no-marker', `rule ${rule.id}: there is no marker ${skipAfter} behind it`)
    }
    return { ...rule, skipTo: target ?? null }
  }
}

const ONE_WARNING = 1
const DEFAULTS_ID: Action = { name: 'id', value: 'SecDefaultAction', place: { file: '', line: 1, column: 1 } }
