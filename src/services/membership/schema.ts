import { type Static, Type } from 'typebox'
import { Limit } from '../../platform/page.ts'
import { line } from '../../platform/wire.ts'
import { EVENT_TYPES } from './model.ts'

const closed = { additionalProperties: false } as const
const next = Type.Union([Type.String(), Type.Null()])

const name = line(140)
const country = Type.String({ pattern: '^[A-Z]{2}$' })
export const MemberFields = Type.Object({ name, country }, closed)
export const MemberChange = Type.Object(
  { name: Type.Optional(name), country: Type.Optional(country) },
  { ...closed, minProperties: 1 },
)
export type MemberFields = Static<typeof MemberFields>

const Erased = Type.Object({ at: Type.String(), by: Type.String(), reason: Type.String() })
/** What a member's record tells of a person; after its erasure only that there was one. */
export type MemberRecord =
  | MemberFields
  | { readonly name: null; readonly country: null; readonly erased: Static<typeof Erased> }
export const WireMemberFields = Type.Object({
  name: Type.Union([name, Type.Null()]),
  country: Type.Union([country, Type.Null()]),
  /** Not there unless it was. */
  erased: Type.Optional(Erased),
})
/** `reason`: the request it answers, say; it stays, so it names nobody. */
export const ErasureRequest = Type.Object({ reason: line(500) }, closed)
export const MemberParams = Type.Object({ id: Type.String() })

export const EndpointRegistration = Type.Object(
  {
    url: Type.String({ minLength: 1, maxLength: 2_048 }),
    events: Type.Array(Type.Enum(['*', ...EVENT_TYPES]), { minItems: 1, maxItems: 20, uniqueItems: true }),
  },
  closed,
)
const endpoint = {
  id: Type.String(),
  version: Type.Integer(),
  url: Type.String(),
  events: Type.Array(Type.String()),
  createdAt: Type.String(),
  /** `disabled`: nothing was taken for days, and nothing is sent until it is enabled. */
  state: Type.Enum(['enabled', 'disabled']),
}
export const WireEndpoint = Type.Object(endpoint)
export const RegisteredEndpoint = Type.Object({ ...endpoint, secret: Type.String() })
/** Until `oldSecretUntil` the secret before signs as well. */
export const RotatedEndpoint = Type.Object({ ...endpoint, secret: Type.String(), oldSecretUntil: Type.String() })
export const WireDelivery = Type.Object({
  id: Type.String(),
  sequence: Type.Integer(),
  state: Type.Enum(['pending', 'delivered', 'abandoned']),
  tries: Type.Integer(),
  nextTryAt: Type.Union([Type.String(), Type.Null()]),
  error: Type.Union([Type.String(), Type.Null()]),
  createdAt: Type.String(),
})
export const Deliveries = Type.Object({ items: Type.Array(WireDelivery), next })
const sequence = Type.String({ pattern: '^[1-9][0-9]{0,14}$' })
export const DeliveriesQuery = Type.Object({ limit: Type.Optional(Limit), cursor: Type.Optional(sequence) }, closed)
export const DeliveryParams = Type.Object({ id: Type.String(), sequence })
export const Endpoints = Type.Object({ items: Type.Array(WireEndpoint), next })
export const EndpointParams = Type.Object({ id: Type.String() })
export const EndpointsQuery = Type.Object(
  { limit: Type.Optional(Limit), cursor: Type.Optional(Type.String({ pattern: '^whe_[A-Za-z0-9]{1,64}$' })) },
  closed,
)

/** As edges take it from a token (RFC 7519 sections 4.1.2 and 4.1.7). */
const claim = line(256)
/** One of `jti` and `sub`; `until` in RFC 3339. */
export const RevocationRequest = Type.Object(
  {
    jti: Type.Optional(claim),
    sub: Type.Optional(claim),
    until: Type.Optional(Type.String({ maxLength: 40 })),
    reason: line(500),
  },
  closed,
)
const orNull = Type.Union([Type.String(), Type.Null()])
const change = { actor: Type.String(), at: Type.String() }
export const WireRevocation = Type.Object({
  id: Type.String(),
  version: Type.Integer(),
  jti: orNull,
  sub: orNull,
  reason: Type.String(),
  ...change,
  until: Type.String(),
  lifted: Type.Union([Type.Object(change), Type.Null()]),
})
export const WireRevocations = Type.Object({ items: Type.Array(WireRevocation), next })
export const RevocationParams = Type.Object({ id: Type.String() })
const revocationCursor = Type.Optional(Type.String({ pattern: '^rvk_[A-Za-z0-9_-]{1,64}$' }))
export const RevocationsQuery = Type.Object({ limit: Type.Optional(Limit), cursor: revocationCursor }, closed)
export const InForceQuery = Type.Object({ cursor: revocationCursor }, closed)
export const RevocationsInForce = Type.Object({
  /** Where in the feed to go on. */
  seq: Type.String(),
  items: Type.Array(
    Type.Object({ id: Type.String(), jti: orNull, sub: orNull, at: Type.String(), until: Type.String() }),
  ),
  next,
})

export const EventsQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ pattern: '^[0-9]{1,18}$' })),
    limit: Type.Optional(Limit),
    member: Type.Optional(Type.String({ maxLength: 80 })),
  },
  closed,
)
export const MemberEvents = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String(),
      type: Type.String(),
      timestamp: Type.String(),
      cursor: Type.String(),
      data: Type.Unknown(),
    }),
  ),
  next,
})
