import { SCORE_KEYS } from '../engine/score.ts'
import { isKey } from '../engine/transaction.ts'
import type { Macro } from '../operators/operator.ts'
import { acting, doesSomething } from './acting.ts'
import type { Effect, Keys, Phase, PlannedRule, RuleSelector } from './plan.ts'

type Phases = Readonly<Record<Phase, readonly PlannedRule[]>>

/**
 * Leaves out what rules set in `TX` and nobody reads, and then the rules that do nothing any more, until there is no such.
 * @param removable rules that a request may leave out: they stay as they are
 */
export function withoutUnread(phases: Phases, removable: readonly RuleSelector[]): Phases {
  const isRemovable = (rule: PlannedRule): boolean => removable.some((selects) => selects(rule))
  const read = keysReadBy([...phases[1], ...phases[2]])
  let left = 0
  const shorter = (rule: PlannedRule): PlannedRule => {
    if (isRemovable(rule)) return rule
    const links = rule.links.map((link) => ({
      ...link,
      effects: link.effects.filter((effect) => isRead(effect, read)),
    }))
    left += rule.links.reduce((sum, { effects }, at) => sum + effects.length - (links[at]?.effects.length ?? 0), 0)
    return { ...rule, links }
  }
  const inPhase = (phase: Phase): readonly PlannedRule[] => {
    const placed = phases[phase].map((rule, index) => ({ rule: shorter(rule), index }))
    return acting(placed, (rule) => doesSomething(rule) || isRemovable(rule))
  }
  const without = { 1: inPhase(1), 2: inPhase(2) }
  return left === 0 ? without : withoutUnread(without, removable)
}

/** Keys of `TX`, in small letters; patterns of keys; or all of them. */
type KeysRead = { readonly names: ReadonlySet<string>; readonly patterns: readonly Keys[]; readonly all: boolean }

function keysReadBy(rules: readonly PlannedRule[]): KeysRead {
  const names = new Set(SCORE_KEYS)
  const patterns: Keys[] = []
  let all = false
  const read = (key: string | null): void => {
    if (key === null) all = true
    else names.add(key.toLowerCase())
  }
  for (const { message, detail, links } of rules) {
    const macros: Macro[] = [message, detail]
    for (const { lane, match, effects } of links) {
      if (match?.macro !== undefined) macros.push(match.macro)
      for (const effect of effects) if ('key' in effect) macros.push(effect.key)
      for (const effect of effects) if (effect.kind === 'set') macros.push(effect.value)
      for (const { variable, keys } of lane?.targets ?? []) {
        if (variable !== 'TX') continue
        if (keys !== null && 'pattern' in keys) patterns.push(keys)
        else read(keys === null ? null : keys.name)
      }
    }
    for (const part of macros.flatMap(({ parts }) => parts)) {
      if (typeof part !== 'string' && part.variable === 'TX') read(part.key)
    }
  }
  return { names, patterns, all }
}

function isRead(effect: Effect, { names, patterns, all }: KeysRead): boolean {
  if (all || (effect.kind !== 'set' && effect.kind !== 'unset')) return true
  if (effect.collection !== 'TX' || effect.key.fixed === null) return true
  const key = effect.key.fixed.toLowerCase()
  return names.has(key) || patterns.some((pattern) => isKey(pattern, key, { left: Number.POSITIVE_INFINITY }))
}
