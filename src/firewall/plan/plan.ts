import type { Memory } from '../engine/memory.ts'
import type { VariableName } from '../engine/variables.ts'
import type { Settings } from '../engine/written.ts'
import type { Macro, Match } from '../operators/operator.ts'
import type { ByteSet } from '../patterns/byte-set.ts'
import type { LiteralMatcher } from '../patterns/literal-matcher.ts'
import type { Pattern } from '../patterns/pattern.ts'
import type { Place } from '../seclang/place.ts'
import type { Chain } from './chains.ts'
import type { Watches } from './watches.ts'

/** A ruleset, compiled. It never changes. */
export type Plan = {
  /** Of the head, then of the whole request. */
  readonly phases: Readonly<Record<Phase, readonly PlannedRule[]>>
  readonly watches: Readonly<Record<Phase, Watches>>
  readonly matcher: LiteralMatcher
  /** What was seen lately. */
  readonly memory: Memory
  /** How many lanes there are. */
  readonly lanes: number
  /** What `TX` has at the beginning. */
  readonly settings: Settings
  /** How many rules there are. */
  readonly rules: number
}

export type Phase = 1 | 2

/** A rule with those chained to it: all must match. */
export type PlannedRule = {
  /** A number in SecLang, a name in signatures. */
  readonly id: string
  readonly place: Place
  readonly phase: Phase
  readonly links: readonly Link[]
  readonly message: Macro
  readonly detail: Macro
  readonly tags: readonly string[]
  readonly severity: string
  /** `score`: it goes on, whatever it counted. */
  readonly end: 'score' | 'deny' | 'allow' | 'allowPhase'
  readonly status: number | null
  /** The index in its phase at which to go on after a match; null: the next one. */
  readonly skipTo: number | null
  /** Whether a match is told of. */
  readonly isTold: boolean
}

/** One condition and what its match does. */
export type Link = {
  readonly lane: Lane | null
  readonly match: Match | null
  readonly negated: boolean
  /** What a value must have before `match` is asked; null: it is always asked. */
  readonly filter: Filter | null
  /** The forms in which each value is asked: with `multiMatch` after each transformation, else after all. */
  readonly forms: readonly (Chain | null)[]
  readonly multiMatch: boolean
  readonly captures: boolean
  readonly effects: readonly Effect[]
}

/** Values to look at, each in one form. Rules with the same lane look at the same. */
export type Lane = {
  readonly id: number
  /** Lanes with the same targets have the same number here. */
  readonly targetsId: number
  readonly targets: readonly PlannedTarget[]
  readonly chain: Chain | null
  /** Whether the values stay the same until a body is read, and then for all rules on it. */
  readonly isSteady: boolean
}

export type PlannedTarget = {
  /** The same target has the same number in every lane. */
  readonly id: number
  readonly variable: VariableName
  readonly keys: Keys | null
  readonly counts: boolean
  readonly without: readonly Keys[]
}

/** Keys of a collection; of a pattern with what it said of the last ones. */
export type Keys = { readonly name: string } | { readonly pattern: Pattern; readonly known: Map<string, boolean> }

/** What a text has, by one of these, that may match. `owner`: the bit that one of its literals sets; null: it has none. */
export type Filter = readonly { readonly owner: number | null; readonly bytes: readonly ByteSet[] }[]

export type Effect =
  | {
      readonly kind: 'set'
      readonly collection: string
      readonly key: Macro
      readonly value: Macro
      readonly sign: '=' | '+' | '-'
    }
  | { readonly kind: 'unset'; readonly collection: string; readonly key: Macro }
  | { readonly kind: 'bodyKind'; readonly bodyKind: string }
  | { readonly kind: 'engine'; readonly mode: 'On' | 'Off' | 'DetectionOnly' }
  | { readonly kind: 'remove'; readonly selects: RuleSelector }
  | { readonly kind: 'removeTarget'; readonly selects: RuleSelector; readonly targets: readonly Removed[] }

export type Removed = { readonly variable: string; readonly keys: Keys | null }

/** Rules by their number, tag or message. */
export type RuleSelector = (rule: {
  readonly id: string
  readonly tags: readonly string[]
  readonly message: Macro
}) => boolean
