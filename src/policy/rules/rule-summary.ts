import type { Instant } from '../../kernel/clock.ts'
import { type FactPath, withoutContained } from '../conditions/reads.ts'
import type { Mode } from '../decide/verdict.ts'
import type { RuleKind } from '../language/schema.ts'
import type { ListKind, Lists } from '../lists/lists.ts'
import type { EffectName } from './effect.ts'
import type { Match } from './match.ts'
import type { Allowance } from './throttle.ts'

/** A rule of a bundle as those see it who count, compare and explain rules: plain values. */
export type RuleSummary = {
  /** `kind/id` */
  readonly name: string
  readonly kind: RuleKind
  /** As it is now: a rule whose shadow has expired is enforced. */
  readonly mode: Mode
  readonly effect: EffectName
  readonly file: string
  readonly line: number
  readonly match: Match
  readonly when: string | null
  readonly why: string
  readonly owner: string | null
  readonly expires: Instant | null
  /** The facts that its `match` and `when` can read. */
  readonly reads: readonly FactPath[]
  /** The names of the lists that they look into. */
  readonly lists: readonly string[]
  /** Of a quota. */
  readonly throttle: Allowance | null
}

/** The facts that each key of a `match` reads. */
const READ_BY_MATCH: { readonly [K in keyof Required<Match>]: readonly FactPath[] } = {
  methods: ['request.method'],
  paths: ['request.path'],
  routes: ['route.id'],
  tags: ['route.tags'],
  lists: [], // as the lists are
  tagged: ['tags'],
  scopes: ['principal.scopes'],
  kinds: ['principal.kind'],
  roles: ['principal.roles'],
  amount: ['transfer.amount'],
}

/** Every fact that a rule with this match and these conditions' facts can read, sorted. */
export function readsOfRule(match: Match, lists: Lists, condition: readonly FactPath[]): readonly FactPath[] {
  const byMatch = Object.keys(match).flatMap((key) => READ_BY_MATCH[key as keyof Match])
  const byLists = (match.lists ?? []).map((name) => FACT_IN[lists.get(name)?.kind ?? 'cidrs'])
  return withoutContained([...byMatch, ...byLists, ...condition])
}

const FACT_IN: Readonly<Record<ListKind, FactPath>> = {
  cidrs: 'source.ip',
  countries: 'source.country',
  strings: 'source.ip',
}
