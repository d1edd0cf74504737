import type { Place } from './place.ts'

/** One variable that a rule looks at: `ARGS`, `&ARGS:page`, `!REQUEST_COOKIES:/^__utm/`. */
export type Target = {
  readonly place: Place
  /** In capitals. */
  readonly variable: string
  /** What of a collection; null for all of it. */
  readonly selector: Selector | null
  /** `is`: look at it; `not`: leave it out; `count`: how many there are. */
  readonly use: 'is' | 'not' | 'count'
}

/** A key of a collection, in any case, or a pattern for keys. */
export type Selector =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'pattern'; readonly pattern: string }

export type Operator = {
  readonly place: Place
  readonly negated: boolean
  /** As written: `rx`, `pmFromFile`. */
  readonly name: string
  readonly argument: string
}

export type Action = { readonly place: Place; readonly name: string; readonly value: string | null }

/** A rule with those that are chained to it. `operator` is null for an action without a condition. */
export type SecRule = {
  readonly place: Place
  readonly targets: readonly Target[]
  readonly operator: Operator | null
  readonly actions: readonly Action[]
  readonly chained: readonly SecRule[]
}

/** What a file says, in its order. */
export type Directive =
  | { readonly kind: 'rule'; readonly rule: SecRule }
  | { readonly kind: 'marker'; readonly name: string; readonly place: Place }
  | { readonly kind: 'defaults'; readonly actions: readonly Action[]; readonly place: Place }
  | {
      readonly kind: 'remove'
      readonly by: 'id' | 'tag' | 'msg'
      readonly what: readonly string[]
      readonly place: Place
    }
  | {
      readonly kind: 'retarget'
      readonly by: 'id' | 'tag' | 'msg'
      readonly what: string
      readonly targets: readonly Target[]
      readonly place: Place
    }
  | { readonly kind: 'setting'; readonly name: string; readonly values: readonly string[]; readonly place: Place }
