import type { Exclusion, RulesetSource } from '../../firewall/index.ts'
import type { Instant } from '../../kernel/clock.ts'
import type { PolicyFile, WrittenRule } from '../language/schema.ts'

/** A file's key `ruleset`. */
export type WrittenRuleset = NonNullable<PolicyFile<'firewall'>['ruleset']>

/** A ruleset as it was read: plain values that another thread can be sent. */
export type RulesetContent = Omit<RulesetSource, 'exclude'> & {
  /** `firewall/ID` of the rule that asks it. */
  readonly name: string
  readonly exclude: readonly (Exclusion & { readonly until: Instant | null })[]
}

const ID = 'ruleset'

export function nameOf({ id = ID }: WrittenRuleset): string {
  return `firewall/${id}`
}

/** The rule that a ruleset is among the others. */
export function ruleOf(ruleset: WrittenRuleset): WrittenRule<'firewall'> {
  const { id = ID, match, mode, why = WHY, remedy, owner, ticket, expires } = ruleset
  const said = Object.entries({ match, mode, remedy, owner, ticket, expires }).filter(
    ([, value]) => value !== undefined,
  )
  return {
    id,
    why,
    effect: { ruleset: nameOf(ruleset) },
    ...(match === undefined ? { when: 'true' } : {}),
    ...Object.fromEntries(said),
  }
}

const WHY = 'The request looks like an attack.'
