import { isVariable, VARIABLES, WRITABLE } from '../engine/variables.ts'
import { createPattern } from '../patterns/pattern.ts'
import { PatternFault } from '../patterns/syntax.ts'
import type { Selector, Target } from '../seclang/syntax.ts'
import type { Chain } from './chains.ts'
import type { Faults } from './faults.ts'
import type { Keys, Lane, PlannedTarget } from './plan.ts'

/** The XPath expressions that are known: all texts, and all attributes. */
const XML_KEYS: readonly string[] = ['/*', '//@*']

/** Keeps each lane once, so that what it sees is gathered once for all rules that look at it. */
export class Lanes {
  readonly #known = new Map<string, Lane>()
  readonly #targets = new Map<string, number>()
  readonly #ids = new Map<string, number>()

  get size(): number {
    return this.#known.size
  }

  /** Null where a target is at fault. */
  laneOf(targets: readonly Target[], chain: Chain | null, ruleId: string, faults: Faults): Lane | null {
    const looked = targets.map(textOf).join('|')
    const key = `${chain?.id ?? 0} ${looked}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const planned = plannedTargets(targets, ruleId, faults, this.#ids)
    if (planned === null) return null
    const isSteady = planned.every(({ variable }) => VARIABLES[variable] === 'steady')
    const targetsId = this.#targets.get(looked) ?? this.#targets.size
    this.#targets.set(looked, targetsId)
    const lane: Lane = { id: this.#known.size, targetsId, targets: planned, chain, isSteady }
    this.#known.set(key, lane)
    return lane
  }
}

function textOf({ use, variable, selector }: Target): string {
  const sign = { is: '', not: '!', count: '&' }[use]
  return `${sign}${variable}:${selector === null ? '' : selector.kind === 'name' ? selector.name : `/${selector.pattern}/`}`
}

function plannedTargets(
  targets: readonly Target[],
  ruleId: string,
  faults: Faults,
  ids: Map<string, number>,
): readonly PlannedTarget[] | null {
  const before = faults.all.length
  const planned: PlannedTarget[] = []
  const without = targets.filter(({ use }) => use === 'not')
  for (const target of targets) {
    const { variable, selector, use, place } = target
    if (!isVariable(variable)) {
      faults.error(place, 'unsupported-variable', `rule ${ruleId}: there is no variable ${variable} here`)
      continue
    }
    const keys = selector === null ? null : keysOf(target, selector, ruleId, faults)
    const left = without.filter((other) => other.variable === variable)
    if (use === 'not' || left.some((other) => other.selector === null)) continue
    const excluded = left.flatMap((other) => keysOf(other, other.selector, ruleId, faults) ?? [])
    const text = [target, ...left].map(textOf).join('|')
    const id = ids.get(text) ?? ids.size
    ids.set(text, id)
    planned.push({ id, variable, keys, counts: use === 'count', without: excluded })
  }
  return faults.all.length > before ? null : planned
}

/** Null, with a fault, where they can't be read. */
export function keysOf(target: Target, selector: Selector | null, ruleId: string, faults: Faults): Keys | null {
  if (selector === null) return null
  if (target.variable === 'XML' && !(selector.kind === 'name' && XML_KEYS.includes(selector.name))) {
    faults.error(
      target.place,
      'unsupported-xpath',
      `rule ${ruleId}: of XML only ${XML_KEYS.join(' and ')} are read here`,
    )
    return null
  }
  if (selector.kind === 'name') return { name: selector.name }
  try {
    return { pattern: createPattern(selector.pattern, { i: true }), known: new Map() }
  } catch (error) {
    if (!(error instanceof PatternFault)) throw error
    faults.error(target.place, 'bad-pattern', `rule ${ruleId}: ${error.message}`)
    return null
  }
}

export function isWritable(collection: string): boolean {
  return WRITABLE.some((name) => name === collection)
}
