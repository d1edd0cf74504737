import { type Static, type TSchema, Type } from 'typebox'
import { SIGNATURE_PLACES } from '../../firewall/index.ts'
import { TELLS } from '../decide/verdict.ts'
import { CHAIN_FACTS } from '../facts.ts'
import { callsSchema } from './on-error.ts'
import { givenOf } from './schema-given.ts'
import { listsKeys } from './schema-lists.ts'
import {
  accessEffect,
  accessMatch,
  closed,
  firewallEffect,
  Id,
  oneOf,
  requestMatch,
  riskEffect,
  riskMatch,
  text,
} from './schema-rule.ts'
import { rulesetSchema, signaturesKeys } from './schema-ruleset.ts'
import { quotaEffect } from './schema-throttle.ts'

/** The shape of policy files, said once: files are checked with it and editors complete with it. */

const examples = <G extends TSchema, X extends TSchema>(given: G, expect: X) =>
  Type.Array(Type.Object({ name: text('what it shows'), given, expect }, closed), {
    minItems: 1,
    description: 'cases with the outcome they must have; last in the file',
  })

type Keys = Record<string, TSchema>

const rulesOf = <M extends Keys, E extends TSchema>(match: M, effect: E) =>
  Type.Array(
    Type.Object(
      {
        id: Id,
        match: Type.Optional(Type.Object(match, { ...closed, minProperties: 1 })),
        when: Type.Optional(text('a CEL condition over the facts of this kind', 4_000)),
        effect,
        mode: Type.Optional(oneOf(['enforce', 'shadow'])),
        why: Type.Optional(text('one sentence for the caller')),
        remedy: Type.Optional(text('what would let the request pass, for the caller')),
        tells: Type.Optional(oneOf(TELLS)),
        owner: Type.Optional(text('who answers for the rule')),
        ticket: Type.Optional(text('where it was agreed')),
        expires: Type.Optional(
          text('an RFC 3339 time that ends what the rule loosens: its shadow, or the rule itself'),
        ),
      },
      closed,
    ),
    { minItems: 1 },
  )

const name = Type.Optional(text('what the file is about'))

const ruleFile = <
  K extends string,
  M extends Keys,
  E extends TSchema,
  X extends TSchema,
  C extends Keys = Record<never, TSchema>,
>(
  kind: K,
  match: M,
  effect: E,
  expect: X,
  more: C = {} as C,
) =>
  Type.Object(
    {
      kind: Type.Literal(kind),
      name,
      rules: rulesOf(match, effect),
      ...more,
      examples: examples(givenOf(CHAIN_FACTS), expect),
    },
    closed,
  )

const ruleName = Type.Optional(text('`kind/id` of the deciding rule'))
const tags = Type.Optional(Type.Array(Id, { description: 'all tags of the request after the rules of this kind' }))

const RISK_OUTCOMES = ['accept', 'review', 'hold', 'reject', 'closed'] as const
const answer = Type.Optional(
  Type.Object(
    {
      status: Type.Optional(Type.Integer({ minimum: 400, maximum: 599, description: 'of a refusal' })),
      outcome: Type.Optional(oneOf(['allow', 'deny', ...RISK_OUTCOMES])),
      by: Type.Optional(text('`kind/id` of the deciding rule; `route/ID` for the scopes of a route')),
    },
    { ...closed, minProperties: 1, description: 'what the whole chain makes of it, from the firewall on' },
  ),
)
const expectation = <K extends Keys>(keys: K) => Type.Object({ ...keys, answer }, { ...closed, minProperties: 1 })

/** One schema for each kind of file. */
export const SCHEMAS = {
  firewall: Type.Object(
    {
      kind: Type.Literal('firewall'),
      name,
      ruleset: Type.Optional(rulesetSchema),
      rules: Type.Optional(rulesOf(requestMatch, firewallEffect)),
      examples: examples(
        givenOf(CHAIN_FACTS),
        expectation({
          effect: Type.Optional(oneOf(['allow', 'deny'])),
          rule: ruleName,
          tags,
          signs: Type.Optional(Type.Array(text('the id of a rule of the ruleset'), { description: 'what matched' })),
        }),
      ),
    },
    closed,
  ),
  access: ruleFile(
    'access',
    accessMatch,
    accessEffect,
    expectation({ effect: Type.Optional(oneOf(['allow', 'deny', 'stepUp'])), rule: ruleName, tags }),
  ),
  quota: ruleFile(
    'quota',
    accessMatch,
    quotaEffect,
    expectation({ rules: Type.Optional(Type.Array(text('`quota/id`'))), tags }),
  ),
  risk: ruleFile(
    'risk',
    riskMatch,
    riskEffect,
    expectation({
      outcome: Type.Optional(oneOf(RISK_OUTCOMES)),
      rule: ruleName,
      approvals: Type.Optional(Type.Integer({ minimum: 1 })),
      tags,
    }),
    { calls: Type.Optional(callsSchema) },
  ),
  signatures: Type.Object(
    {
      kind: Type.Literal('signatures'),
      name,
      ...signaturesKeys,
      examples: examples(
        Type.Object(
          { value: text('a value as it is decoded', 4_000), in: Type.Optional(oneOf(SIGNATURE_PLACES)) },
          closed,
        ),
        Type.Object({ signatures: Type.Array(Id) }, closed),
      ),
    },
    closed,
  ),
  lists: Type.Object(
    {
      kind: Type.Literal('lists'),
      name,
      ...listsKeys,
      examples: examples(
        Type.Object({ entry: text('a text or an address') }, closed),
        Type.Object({ lists: Type.Array(Id) }, closed),
      ),
    },
    closed,
  ),
} as const

export type Kind = keyof typeof SCHEMAS
export type RuleKind = Exclude<Kind, 'lists' | 'signatures'>
export type PolicyFile<K extends Kind = Kind> = { readonly [P in K]: Static<(typeof SCHEMAS)[P]> }[K]
type RuleInFile<K extends RuleKind> = NonNullable<PolicyFile<K>['rules']>[number]
/** A firewall rule as it is in its file, or one that stands for the file's ruleset, by the rule's own name. */
type FirewallRule = Omit<RuleInFile<'firewall'>, 'effect'> & {
  readonly effect:
    | RuleInFile<'firewall'>['effect']
    | { readonly ruleset: string; readonly skip?: never; readonly tag?: never }
}
export type WrittenRule<K extends RuleKind = RuleKind> = {
  readonly [P in K]: P extends 'firewall' ? FirewallRule : RuleInFile<P>
}[K]

/** The JSON Schema (2020-12) of a policy file: what `config/policy.schema.json` holds. */
export function policyJsonSchema(): Record<string, unknown> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Tidegate policy file',
    type: 'object',
    required: ['kind'],
    oneOf: Object.values(SCHEMAS),
  }
}
