import { type TSchema, Type } from 'typebox'
import { SIGNATURE_PLACES } from '../../firewall/index.ts'
import { closed, Id, oneOf, requestMatch, some, text } from './schema-rule.ts'

const Folder = Type.String({
  pattern: '^(?!.*(?:^|/)\\.\\.(?:/|$))[A-Za-z0-9/._-]+$',
  maxLength: 400,
  description: 'a folder or file beside this one or below, or an absolute path',
})

const Exclusion = Type.Object(
  {
    rule: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1 }), text('the id of a rule, or a range: 942100-942199')], {
        description: 'the id of a rule, or a range',
      }),
    ),
    tag: Type.Optional(text('a tag of rules: attack-sqli')),
    target: Type.Optional(text('what these rules then leave out: ARGS:reference; the whole rule without')),
    routes: Type.Optional(some(text('a route id'), 'on these routes only')),
    why: text('why this is no attack'),
    owner: Type.Optional(text('who answers for it')),
    ticket: Type.Optional(text('where it was agreed')),
    expires: Type.Optional(text('an RFC 3339 time from which the rule looks again')),
  },
  { ...closed, minProperties: 2 },
)

/** The key `ruleset` of a firewall file. */
export const rulesetSchema = Type.Object(
  {
    id: Type.Optional(Id),
    from: Type.Union([Folder, some(Folder, 'several, read in this order')], {
      description: 'where the rules are: SecLang (*.conf with their *.data), or files of the kind signatures',
    }),
    match: Type.Optional(Type.Object(requestMatch, { ...closed, minProperties: 1 })),
    paranoia: Type.Optional(Type.Integer({ minimum: 1, maximum: 4, description: 'how much of it is asked; 1' })),
    threshold: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 10_000, description: 'the score from which a request is denied; 5' }),
    ),
    mode: Type.Optional(oneOf(['enforce', 'shadow'])),
    exclude: Type.Optional(Type.Array(Exclusion, { maxItems: 1_000, description: 'what is left out, for a time' })),
    onError: Type.Optional(oneOf(['closed', 'open'])),
    steps: Type.Optional(
      Type.Integer({ minimum: 1_000, maximum: 100_000_000, description: 'what one request may take; 2,000,000' }),
    ),
    why: Type.Optional(text('one sentence for the caller')),
    remedy: Type.Optional(text('what would let the request pass, for the caller')),
    owner: Type.Optional(text('who answers for it')),
    ticket: Type.Optional(text('where it was agreed')),
    expires: Type.Optional(text('an RFC 3339 time that ends its shadow')),
  },
  { ...closed, description: 'a set of signatures, or of SecLang rules such as the Core Rule Set' },
)

const Signature = Type.Object(
  {
    id: Id,
    why: text('what it finds'),
    in: some(oneOf(SIGNATURE_PLACES), 'where it looks'),
    decode: Type.Optional(
      Type.Array(Type.String({ pattern: '^[A-Za-z0-9]+$' }), {
        maxItems: 8,
        description: 'transformations of SecLang, one after the other: urlDecodeUni, lowercase',
      }),
    ),
    any: Type.Optional(some(text('a pattern', 4_000), 'any of these patterns, in the syntax of PCRE')),
    detect: Type.Optional(oneOf(['sqli', 'xss'])),
    score: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'what it counts; 5' })),
  },
  closed,
)

/** The keys of a file of signatures. */
export const signaturesKeys = {
  family: Id,
  signatures: Type.Array(Signature, { minItems: 1 }),
} satisfies Record<string, TSchema>
