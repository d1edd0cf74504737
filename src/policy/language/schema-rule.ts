import { type TSchema, Type } from 'typebox'
import { CURRENCIES } from '../../kernel/money.ts'
import type { ProblemCode } from '../../kernel/problem.ts'
import { PRINCIPAL_KINDS } from '../facts.ts'

/** The words that policy files are made of: what `match` and `effect` may hold, by kind. */

export const closed = { additionalProperties: false }
export const oneOf = <T extends string>(words: readonly T[]) => Type.Enum([...words] as [T, ...T[]])
export const text = (description: string, characters = 400) =>
  Type.String({ minLength: 1, maxLength: characters, description })
export const some = <T extends TSchema>(item: T, description: string) => Type.Array(item, { minItems: 1, description })

export const Id = Type.String({
  pattern: '^[a-z0-9][a-z0-9-]{0,63}$',
  description: 'up to 64 small letters, digits and hyphens',
})
export const Duration = Type.String({
  pattern: '^[1-9][0-9]{0,5}(ms|s|m|h|d)$',
  description: 'a whole number with its unit: ms, s, m, h or d',
})
const Decimal = Type.String({ pattern: '^(0|[1-9][0-9]*)(\\.[0-9]+)?$', description: 'a decimal number in quotes' })
export const WireMoney = Type.Object({ currency: oneOf(CURRENCIES), value: Decimal }, closed)

export const requestMatch = {
  methods: Type.Optional(
    some(Type.String({ pattern: '^[A-Z]+$', description: 'a method in capitals' }), 'any of these methods'),
  ),
  paths: Type.Optional(
    some(
      Type.String({
        minLength: 1,
        pattern: '^(/[^/*?#\\s]+|/\\*)*(/\\*\\*|/)?$',
        description: 'a path; a segment may be * (one segment), the last one ** (any rest)',
      }),
      'any of these paths',
    ),
  ),
  routes: Type.Optional(some(text('a route id'), 'any of these routes')),
  tags: Type.Optional(some(text('a route tag'), 'a route with any of these tags')),
  lists: Type.Optional(some(Id, 'a source in any of these lists of address ranges or countries')),
  tagged: Type.Optional(some(Id, 'a request that an earlier rule tagged with any of these')),
}
export const accessMatch = {
  ...requestMatch,
  scopes: Type.Optional(some(text('a scope'), 'a principal that holds all of these scopes')),
  kinds: Type.Optional(some(oneOf(PRINCIPAL_KINDS), 'any of these kinds of principal')),
  roles: Type.Optional(some(text('a role'), 'a principal with any of these roles (RFC 9068, section 2.2.3.1)')),
}
export const riskMatch = {
  lists: requestMatch.lists,
  tagged: requestMatch.tagged,
  amount: Type.Optional(
    Type.Object(
      { currency: oneOf(CURRENCIES), from: Type.Optional(Decimal), below: Type.Optional(Decimal) },
      {
        ...closed,
        minProperties: 2,
        description: 'a transfer in this currency of at least `from` and less than `below`',
      },
    ),
  ),
}

/** The problems that a rule may answer with: a denial said openly, or one that does not tell there is something. */
const DENIAL_CODES = [
  'firewall_denied',
  'policy_denied',
  'route_not_found',
  'not_found',
  'overloaded',
] as const satisfies readonly ProblemCode[]

export const marks = {
  skip: Type.Optional(
    Type.Array(text('a rule, `kind/id`'), {
      minItems: 1,
      maxItems: 100,
      description: 'rules behind this one that are not applied to the request',
    }),
  ),
  tag: Type.Optional(
    Type.Array(Id, { minItems: 1, maxItems: 10, description: 'names that rules behind this one and the upstream see' }),
  ),
}
export const one = { ...closed, minProperties: 1, maxProperties: 1, description: 'one effect' }

const deny = Type.Optional(
  Type.Object(
    {
      status: Type.Optional(Type.Integer({ minimum: 400, maximum: 599 })),
      code: Type.Optional(oneOf(DENIAL_CODES)),
    },
    { ...closed, minProperties: 1 },
  ),
)
const stepUp = Type.Optional(
  Type.Object(
    {
      acr: Type.Optional(
        Type.Array(
          Type.String({ pattern: '^[!#-\\[\\]-~]{1,200}$', description: 'an `acr` without spaces or quotes' }),
          {
            minItems: 1,
            maxItems: 10,
            description: 'any of these authentication context classes',
          },
        ),
      ),
      maxAge: Type.Optional(Duration),
    },
    { ...closed, minProperties: 1, description: 'what the token must tell of how its holder signed in (RFC 9470)' },
  ),
)
export const firewallEffect = Type.Union([oneOf(['allow', 'deny']), Type.Object({ deny, ...marks }, one)], {
  description: '`allow`, `deny`, `deny: {status, code}`, `skip: [kind/id]` or `tag: [name]`',
})
export const accessEffect = Type.Union([oneOf(['allow', 'deny']), Type.Object({ deny, stepUp, ...marks }, one)], {
  description: '`allow`, `deny`, `deny: {status, code}`, `stepUp: {acr, maxAge}`, `skip: [kind/id]` or `tag: [name]`',
})
export const PRIORITIES = ['low', 'normal', 'high', 'urgent'] as const
const queue = Type.Optional(Id)
const priority = Type.Optional(oneOf(PRIORITIES))
const escalateAfter = Type.Optional(Duration)
const onTimeout = Type.Union([oneOf(['decline']), Type.Object({ approveBelow: WireMoney }, closed)], {
  description: '`decline`, or `approveBelow: {currency, value}`: what is less is approved, all else declined',
})
const hold = Type.Optional(
  Type.Object(
    {
      approvals: Type.Integer({ minimum: 1, maximum: 9 }),
      expiresAfter: Duration,
      onTimeout,
      ...{ queue, priority, escalateAfter },
    },
    closed,
  ),
)
const review = Type.Optional(
  Type.Object(
    { queue, priority, escalateAfter, expiresAfter: Type.Optional(Duration) },
    { ...closed, minProperties: 1 },
  ),
)
export const riskEffect = Type.Union(
  [oneOf(['accept', 'review', 'reject']), Type.Object({ hold, review, ...marks }, one)],
  {
    description:
      '`accept`, `review`, `reject`, `hold: {approvals, expiresAfter, onTimeout}`, `review: {queue}`, `skip: [kind/id]` or `tag: [name]`',
  },
)
