import { type Static, Type } from 'typebox'
import { closed, Duration, marks, one, oneOf, text, WireMoney } from './schema-rule.ts'

/** Keys that are written as a word. */
const KEYS = ['principal', 'client', 'source', 'route', 'principal+route'] as const

const limit = Type.Union([Type.Integer({ minimum: 1 }), WireMoney], { description: 'a whole number, or money' })
const cel = (description: string) => Type.Object({ cel: text(description, 1_000) }, closed)

const OnError = Type.Union(
  [
    oneOf(['closed', 'local']),
    Type.Object({ local: Type.Object({ share: Type.Number({ exclusiveMinimum: 0, maximum: 1 }) }, closed) }, closed),
  ],
  { description: 'while edges that share their counts can not: `closed`, `local` or `local: {share: 0.5}`' },
)

const Throttle = Type.Object(
  {
    limit,
    per: Duration,
    burst: Type.Optional(limit),
    key: Type.Union([oneOf(KEYS), cel('a text over the facts: one bucket for each')], {
      description: `${KEYS.map((key) => `\`${key}\``).join(', ')}, or \`{cel: "claims.tenant"}\``,
    }),
    cost: Type.Union(
      [oneOf(['request', 'amount']), Type.Integer({ minimum: 1 }), cel('an integer over the facts, from 1 to `limit`')],
      { description: '`request` (1), `amount`, a whole number, or `{cel: EXPRESSION}`' },
    ),
    onError: Type.Optional(OnError),
  },
  closed,
)

export const quotaEffect = Type.Object(
  { throttle: Type.Optional(Throttle), ...marks },
  { ...one, description: '`throttle: {limit, per, burst, key, cost, onError}`, `skip: [kind/id]` or `tag: [name]`' },
)

export type ThrottleKey = (typeof KEYS)[number]
export type WrittenThrottle = Static<typeof Throttle>
