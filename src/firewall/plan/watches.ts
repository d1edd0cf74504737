import { PIECES, type PieceKind } from '../engine/pieces.ts'
import type { VariableName } from '../engine/variables.ts'
import type { ByteSet } from '../patterns/byte-set.ts'
import type { Chain } from './chains.ts'
import { type Condition, type Conditions, type CountCondition, conditionsOf } from './conditions.ts'
import type { Phase, Plan, PlannedTarget } from './plan.ts'

/** The conditions of a phase by what they look at, so that of each request only those rules are asked that it concerns. */
export type Watches = Pick<Conditions, 'always' | 'every' | 'joint'> & {
  /** Variables whose values are in the pieces of a request, by the kind of a piece. */
  readonly onPieces: Readonly<Record<PieceKind, readonly WatchedVariable[]>>
  /** Variables that only the whole request tells. */
  readonly onWhole: readonly WatchedVariable[]
  readonly onCounts: readonly CountWatch[]
  /** How many numbers there are. */
  readonly counted: number
}

/** A condition on a count, with the number of what it counts; and whether the first counts meet it, as far as that was asked. */
export type CountWatch = CountCondition & { readonly counted: number; readonly known: (boolean | undefined)[] }

/** A variable that rules look at. */
export type WatchedVariable = {
  readonly variable: VariableName
  /** By keys, in small letters, that a rule names; null: none does. */
  readonly named: ReadonlyMap<string, Seat> | null
  readonly others: Seat
}

/** Where a value stands: who looks at it there, and who counts it. */
export type Seat = { readonly watch: Watch | null; readonly counted: readonly number[] }

/** The conditions on texts in the same place, such as `REQUEST_HEADERS:referer`; or more than those, never less. */
export type Watch = {
  /** The same conditions of a phase have the same number. */
  readonly id: number
  readonly bits: number
  /** Conditions that a text may meet, whatever is in it. */
  readonly unfiltered: readonly Condition[]
  readonly forms: readonly FormWatch[]
}

/** Conditions on a text in one form, by what it must have. */
export type FormWatch = {
  readonly chain: Chain | null
  readonly byBytes: readonly Needing[]
  readonly byOwner: ReadonlyMap<number, readonly Needing[]>
}

export type Needing = { readonly bytes: readonly ByteSet[]; readonly condition: Condition }

export function watchesOf(phases: Plan['phases']): Readonly<Record<Phase, Watches>> {
  const ids = new Map<string, Watch>()
  return { 1: watchesIn(conditionsOf(phases[1]), 1, ids), 2: watchesIn(conditionsOf(phases[2]), 2, ids) }
}

function watchesIn(conditions: Conditions, phase: Phase, ids: Map<string, Watch>): Watches {
  const { always, every, joint, onTexts, bits } = conditions
  const targets = [...new Map(conditions.onCounts.map(({ target }) => [target.id, target])).values()]
  const watchOf = (variable: VariableName, key: string | null): Watch | null => {
    const meant = onTexts.filter(({ link }) => link.lane?.targets.some((target) => mayMean(target, variable, key)))
    if (meant.length === 0) return null
    const known = `${phase} ${meant.map(({ place }) => place).join()}`
    const watch = ids.get(known) ?? { id: ids.size, bits, ...sorted(meant) }
    ids.set(known, watch)
    return watch
  }
  const seatOf = (variable: VariableName, key: string | null): Seat => ({
    watch: watchOf(variable, key),
    counted: targets.flatMap((target, number) => (mayMean(target, variable, key) ? [number] : [])),
  })
  const all = [...onTexts.flatMap(({ link }) => link.lane?.targets ?? []), ...targets]
  const variables = [...new Set(all.map(({ variable }) => variable))].map((variable): WatchedVariable => {
    const keys = namesIn(all.filter((target) => target.variable === variable))
    const named = keys.size === 0 ? null : new Map([...keys].map((key) => [key, seatOf(variable, key)]))
    return { variable, named, others: seatOf(variable, null) }
  })
  const onCounts = conditions.onCounts.map((each) => ({
    ...each,
    known: [],
    counted: targets.findIndex(({ id }) => id === each.target.id),
  }))
  const on = (kind: PieceKind | null) =>
    variables.filter(({ variable }) => {
      const pieces = PIECES[variable]
      return pieces === 'whole' ? kind === null : kind !== null && pieces.includes(kind)
    })
  const [line, header, cookie, source, body, onWhole] = [
    on('line'),
    on('header'),
    on('cookie'),
    on('source'),
    on('body'),
    on(null),
  ]
  const onPieces = { line, header, cookie, source, body }
  return { always, every, joint, onPieces, onWhole, onCounts, counted: targets.length }
}

function namesIn(targets: readonly PlannedTarget[]): ReadonlySet<string> {
  const keys = targets.flatMap(({ keys, without }) => [...(keys === null ? [] : [keys]), ...without])
  return new Set(keys.flatMap((each) => ('name' in each ? [each.name] : [])))
}

/** @param key one that a rule names; null: any other. What patterns say of keys is left to the rule. */
function mayMean({ keys, without, ...target }: PlannedTarget, variable: VariableName, key: string | null): boolean {
  return (
    target.variable === variable &&
    (keys === null || 'pattern' in keys || keys.name === key) &&
    !without.some((each) => 'name' in each && each.name === key)
  )
}

function sorted(meant: readonly Condition[]): Pick<Watch, 'unfiltered' | 'forms'> {
  const unfiltered: Condition[] = []
  const forms = new Map<Chain | null, { byBytes: Needing[]; byOwner: Map<number, Needing[]> }>()
  for (const condition of meant) {
    const { lane, filter, negated, multiMatch } = condition.link
    if (filter === null || negated || multiMatch) {
      unfiltered.push(condition)
      continue
    }
    const chain = lane?.chain ?? null
    const form = forms.get(chain) ?? { byBytes: [], byOwner: new Map<number, Needing[]>() }
    forms.set(chain, form)
    for (const { owner, bytes } of filter) {
      if (owner === null) form.byBytes.push({ bytes, condition })
      else form.byOwner.set(owner, [...(form.byOwner.get(owner) ?? []), { bytes, condition }])
    }
  }
  return { unfiltered, forms: [...forms].map(([chain, form]) => ({ chain, ...form })) }
}
