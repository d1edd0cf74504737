import { VARIABLES, type VariableName } from '../engine/variables.ts'
import type { ByteSet } from '../patterns/byte-set.ts'
import type { Chain } from './chains.ts'
import type { Link, Phase, Plan, PlannedRule } from './plan.ts'
import { type RuleBits, ruleBits } from './rule-bits.ts'

/** The rules of a phase by what they look at, so that of each request only those are asked that it concerns. */
export type Watches = {
  /** Rules that are asked of every request: what their first link comes to is not told by one text. */
  readonly always: RuleBits
  readonly every: RuleBits
  readonly variables: readonly WatchedVariable[]
}

/** A variable that rules look at. */
export type WatchedVariable = {
  readonly variable: VariableName
  /** By keys, in small letters, that a rule names; null: none does. */
  readonly named: ReadonlyMap<string, Watch | null> | null
  readonly others: Watch | null
}

/** The rules that look at values of the same place, such as `REQUEST_HEADERS:referer`; or more than those, never less. */
export type Watch = {
  /** The same rules of a phase have the same number. */
  readonly id: number
  readonly rules: number
  /** Rules that a text may concern, whatever is in it. */
  readonly unfiltered: readonly Watching[]
  readonly forms: readonly FormWatch[]
}

export type Watching = { readonly place: number; readonly link: Link }

/** Rules that look at a text in one form, by what it must have. */
export type FormWatch = {
  readonly chain: Chain | null
  readonly byBytes: readonly Needing[]
  readonly byOwner: ReadonlyMap<number, readonly Needing[]>
}

export type Needing = { readonly bytes: readonly ByteSet[]; readonly watching: Watching }

export function watchesOf(phases: Plan['phases']): Readonly<Record<Phase, Watches>> {
  const ids = new Map<string, Watch>()
  return { 1: watchesIn(phases[1], 1, ids), 2: watchesIn(phases[2], 2, ids) }
}

function watchesIn(rules: readonly PlannedRule[], phase: Phase, ids: Map<string, Watch>): Watches {
  const always: number[] = []
  const watching: Watching[] = []
  for (const [place, { links }] of rules.entries()) {
    const [link] = links
    if (link === undefined) continue
    if (isToldByText(link)) watching.push({ place, link })
    else always.push(place)
  }
  const names = new Set(watching.flatMap(({ link }) => link.lane?.targets.map(({ variable }) => variable) ?? []))
  const watchOf = (variable: VariableName, key: string | null): Watch | null => {
    const meant = watching.filter(({ link }) => mayLookAt(link, variable, key))
    if (meant.length === 0) return null
    const known = `${phase} ${meant.map(({ place }) => place).join()}`
    const watch = ids.get(known) ?? { id: ids.size, rules: rules.length, ...sorted(meant) }
    ids.set(known, watch)
    return watch
  }
  const variables = [...names].map((variable): WatchedVariable => {
    const keys = namesOf(watching, variable)
    const named = keys.size === 0 ? null : new Map([...keys].map((key) => [key, watchOf(variable, key)]))
    return { variable, named, others: watchOf(variable, null) }
  })
  return { always: ruleBits(always, rules.length), every: ruleBits(rules.keys(), rules.length), variables }
}

/** Whether each text for itself tells, for all of a phase, if the link matches it. */
function isToldByText({ lane, match }: Link): boolean {
  if (lane === null || match === null || match.isOfRequest === true) return false
  if (match.macro !== undefined && match.macro.fixed === null) return false
  return lane.targets.every(({ variable, counts }) => !counts && VARIABLES[variable] === 'steady')
}

function namesOf(watching: readonly Watching[], variable: VariableName): ReadonlySet<string> {
  const targets = watching.flatMap(({ link }) => link.lane?.targets ?? []).filter((one) => one.variable === variable)
  const keys = targets.flatMap(({ keys, without }) => [...(keys === null ? [] : [keys]), ...without])
  return new Set(keys.flatMap((each) => ('name' in each ? [each.name.toLowerCase()] : [])))
}

/** @param key one that a rule names; null: any other. What patterns say of keys is left to the rule. */
function mayLookAt({ lane }: Link, variable: VariableName, key: string | null): boolean {
  return (lane?.targets ?? []).some(
    (target) =>
      target.variable === variable &&
      (target.keys === null || 'pattern' in target.keys || target.keys.name === key) &&
      !target.without.some((each) => 'name' in each && each.name === key),
  )
}

function sorted(meant: readonly Watching[]): Pick<Watch, 'unfiltered' | 'forms'> {
  const unfiltered: Watching[] = []
  const forms = new Map<Chain | null, { byBytes: Needing[]; byOwner: Map<number, Needing[]> }>()
  for (const watching of meant) {
    const { lane, filter, negated, multiMatch } = watching.link
    if (filter === null || negated || multiMatch) {
      unfiltered.push(watching)
      continue
    }
    const chain = lane?.chain ?? null
    const form = forms.get(chain) ?? { byBytes: [], byOwner: new Map<number, Needing[]>() }
    forms.set(chain, form)
    for (const { owner, bytes } of filter) {
      if (owner === null) form.byBytes.push({ bytes, watching })
      else form.byOwner.set(owner, [...(form.byOwner.get(owner) ?? []), { bytes, watching }])
    }
  }
  return { unfiltered, forms: [...forms].map(([chain, form]) => ({ chain, ...form })) }
}
