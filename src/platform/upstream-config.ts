import { type Static, type TProperties, Type } from 'typebox'
import { BreakerConfig } from './breaker-config.ts'

const strict = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false })
const count = Type.Integer({ minimum: 1 })
const share = Type.Number({ minimum: 0, maximum: 1 })
/** Scheme, host and port; the path is the request's own. */
const origin = Type.String({ pattern: '^https?://[^/?#@]+$' })

/** A GET that tells whether an endpoint can serve. Any 2xx does, or only `status`. */
const Health = strict({
  path: Type.String({ pattern: '^/' }),
  every_ms: Type.Integer({ minimum: 50 }),
  timeout_ms: count,
  /** Answers in a row that turn the verdict. */
  unhealthy_after: Type.Optional(count),
  healthy_after: Type.Optional(count),
  status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599 })),
})

/** When an endpoint is left alone for a while: so many gateway failures (no or no whole answer, 502, 503, 504) in a row. */
const Ejection = strict({
  failures: Type.Optional(count),
  /** For how long the first time; each further time twice as long, up to the other. */
  ms_min: Type.Optional(count),
  ms_max: Type.Optional(count),
  /** The part of the set that may be away at once. */
  share_max: Type.Optional(share),
})

/** How often a request is sent again, where that is safe. */
const Retries = strict({
  /** With the first one. */
  attempts_max: Type.Optional(Type.Integer({ minimum: 1, maximum: 5 })),
  /** Retries in 10 s, as a part of the requests in 10 s; `min` of them are always allowed. */
  budget_share: Type.Optional(share),
  budget_min: Type.Optional(Type.Integer({ minimum: 0 })),
})

export const Upstream = strict({
  /** One of both: an upstream with one endpoint, or with several. */
  url: Type.Optional(origin),
  endpoints: Type.Optional(Type.Array(origin, { minItems: 1, maxItems: 64, uniqueItems: true })),
  /** Whether it is one of ours and wants a passport; others get the client's token only if `forward_token` says so. */
  passport: Type.Optional(Type.Boolean()),
  forward_token: Type.Optional(Type.Boolean()),
  /** For a whole answer, retries included; of a stream, for its head. A route's `budget_ms` may leave less. */
  timeout_ms: count,
  /** Requests under way, at all endpoints together. */
  running_max: count,
  /** To each endpoint; `running_max` when left out. Beyond it, `pending_max` wait, as many when left out; no one else does. */
  connections_max: Type.Optional(count),
  pending_max: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Endpoints are believed to be healthy when left out. */
  health: Type.Optional(Health),
  ejection: Type.Optional(Ejection),
  retries: Type.Optional(Retries),
  /** Over all endpoints together. */
  breaker: Type.Optional(BreakerConfig),
})

export type UpstreamConfig = Static<typeof Upstream>
export type HealthConfig = Static<typeof Health>

/** The origins of an upstream's endpoints. @throws Error unless it names them in one of the two ways */
export function endpointsOf(name: string, { url, endpoints }: UpstreamConfig): readonly string[] {
  if ((url === undefined) === (endpoints === undefined)) {
    throw new Error(`upstream ${name}: say either \`url\` or \`endpoints\``)
  }
  return (endpoints ?? [url ?? '']).map((each) => new URL(each).origin)
}
