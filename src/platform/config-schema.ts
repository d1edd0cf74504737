import { type Static, type TProperties, Type } from 'typebox'
import { BreakerConfig } from './breaker-config.ts'
import { JournalStores } from './journal-config.ts'
import { KafkaClusters } from './kafka-config.ts'
import { SettlementConfig } from './settlement-config.ts'
import { Upstream } from './upstream-config.ts'

const strict = <P extends TProperties>(properties: P) => Type.Object(properties, { additionalProperties: false })
const count = Type.Integer({ minimum: 1 })
const name = Type.String({ pattern: '^[a-z][a-z0-9.-]{0,62}$' })
const file = Type.String({ minLength: 1 })
const method = Type.Enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const url = Type.String({ pattern: '^(https?://|\\$\\{)' })

const provided = {
  url,
  secret_file: file,
  deadline_ms: count,
  running_max: count,
  breaker: Type.Optional(BreakerConfig),
  /** What an answer costs, for the metrics. */
  cost: Type.Optional(strict({ currency: Type.String(), value: Type.String() })),
}
const sentFact = Type.Enum([
  'amount',
  'currency',
  'from',
  'to',
  'reference',
  'member',
  'ip',
  'device',
  'session',
  'level',
])
/** A name of the IANA database. */
const TimeZone = Type.Enum([...new Set(['UTC', ...Intl.supportedValuesOf('timeZone')])])
const path = Type.String({ pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$' })

/** A fraud provider that speaks the Tongdun shape. `fields`: fields of the form beside the usual ones, and the fact in each. */
const Tongdun = strict({
  ...provided,
  partner_code: Type.String(),
  fields: Type.Optional(
    Type.Record(Type.String({ pattern: '^[A-Za-z0-9_]+$' }), sentFact, { additionalProperties: false }),
  ),
})
/** A fraud provider that takes and gives JSON, whose fields are named here by paths with dots. */
const JsonProvider = strict({
  ...provided,
  /** The header of the credential, and what stands before it: `authorization` and `Bearer `. */
  credential: strict({ header: Type.String({ pattern: '^[a-z0-9-]+$' }), prefix: Type.Optional(Type.String()) }),
  question: Type.Record(path, sentFact, { additionalProperties: false, minProperties: 1 }),
  answer: strict({ decision: path, score: path, id: path, rules: Type.Optional(path) }),
  decisions: Type.Record(Type.String({ minLength: 1 }), Type.Enum(['Accept', 'Review', 'Reject']), {
    additionalProperties: false,
    minProperties: 1,
  }),
})

const factSource = Type.Union([
  strict({ header: Type.String({ pattern: '^[a-z0-9-]{1,64}$' }) }),
  strict({ claim: Type.String({ minLength: 1, maxLength: 64 }) }),
])

/** Which pages of other origins may use a route from a browser; none where nothing is said. */
const Cors = strict({
  /** As browsers write them: `https://app.example`; `*` is every one, and excludes `credentials`. */
  origins: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
  /** Those of the route when left out. */
  methods: Type.Optional(Type.Array(method, { minItems: 1 })),
  /** The request headers that pages may send. */
  headers: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Za-z0-9-]+$' }))),
  max_age_s: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
  credentials: Type.Optional(Type.Boolean()),
})

const Route = strict({
  id: name,
  /** The Host this route answers to; every host when left out. */
  host: Type.Optional(Type.String({ minLength: 1 })),
  /** `/v1/things/{id}`: `{…}` is one segment; a last `{…*}` is the rest of the path. */
  path: Type.String({ pattern: '^/' }),
  methods: Type.Array(method, { minItems: 1 }),
  upstream: name,
  /** `none` opens the route to everyone, and must be said. */
  authenticate: Type.Optional(Type.Literal('none')),
  scopes: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
  tags: Type.Optional(Type.Array(name, { minItems: 1 })),
  /** An OpenAPI 3.1 file (JSON or YAML) beside the config; its request body schema for this path and method is enforced. */
  openapi: Type.Optional(Type.String({ minLength: 1 })),
  idempotency_key: Type.Optional(Type.Literal('required')),
  assess: Type.Optional(Type.Literal('transfer')),
  /** Passed on as it comes; cut after so long a silence, ended after so long a time. */
  stream: Type.Optional(
    Type.Union([
      Type.Boolean(),
      strict({
        idle_ms: Type.Optional(count),
        total_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: 604_800_000 })),
      }),
    ]),
  ),
  /** Clients may turn their connection into a WebSocket here; asks for `stream`. */
  upgrade: Type.Optional(Type.Literal('websocket')),
  running_max: Type.Optional(count),
  running_per_principal_max: Type.Optional(count),
  body_bytes_max: Type.Optional(count),
  /** In place of `edge.cors`, as a whole. */
  cors: Type.Optional(Cors),
  /** What a request may take at worst: `tidegate check` adds up the rules and the deadlines of all calls. */
  budget_ms: Type.Optional(count),
})

/** Files in PEM, looked at every second. `client_ca`: who issues the clients' certificates; any are good without. */
const Tls = strict({
  certificate: file,
  key: file,
  client_ca: Type.Optional(file),
  client_certificates: Type.Optional(Type.Enum(['none', 'request', 'require'])),
  handshake_timeout_ms: Type.Optional(count),
})

/** `otlp`: where a collector takes OTLP over HTTP; `ratio`: the part of the traces beginning here that is kept. */
const Traces = strict({ otlp: url, ratio: Type.Number({ minimum: 0, maximum: 1 }) })

export const ConfigSchema = strict({
  edge: strict({
    /** Plain HTTP when left out: for loopback, or where TLS ends in front of us. */
    tls: Type.Optional(Tls),
    trusted_proxies: Type.Array(Type.String()),
    /** Several edges of one machine listen on the same port, and the kernel deals connections out to them (Linux). */
    reuse_port: Type.Optional(Type.Boolean()),
    /** `https://api.example.com`: how clients know us where TLS ends in front of us; DPoP proofs name it. */
    public_origins: Type.Optional(Type.Array(Type.String({ pattern: '^https?://[^/?#@]+$' }), { minItems: 1 })),
    /** The operator's file of the format MaxMind DB 2.0; without it no rule may ask for a country. */
    country_database: Type.Optional(Type.String({ minLength: 1 })),
    admission: strict({ requests: count, per_ms: count }),
    /** Requests begun in one turn of the event loop; how long the others wait, money first, before they are refused (503). */
    intake: Type.Optional(strict({ begun_per_turn_max: Type.Optional(count), patience_ms: Type.Optional(count) })),
    /** How many buckets of quotas and addresses are counted at once, in 64 bytes each; 1,000,000 when left out. */
    quota_keys_max: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 50_000_000 })),
    cors: Type.Optional(Cors),
    limits: strict({
      header_lines_max: count,
      header_bytes_max: count,
      target_bytes_max: count,
      query_parameters_max: count,
      body_bytes_max: count,
      json_depth_max: count,
      json_keys_max: count,
      headers_timeout_ms: count,
      request_timeout_ms: count,
      keep_alive_ms: count,
      connections_max: count,
      connections_per_address_max: count,
      socket_silence_ms: count,
      requests_per_socket_max: count,
    }),
  }),
  identity: strict({
    /** `fapi2`: what the FAPI 2.0 Security Profile asks of a resource server; every token must be bound to its sender. */
    security: Type.Optional(Type.Enum(['standard', 'fapi2'])),
    clock_skew_s: Type.Integer({ minimum: 0, maximum: 60 }),
    remembered_tokens_max: count,
    /** From `iat` to `exp`; longer-lived tokens are refused. */
    token_lifetime_s_max: Type.Optional(count),
    /** `nonce`: whether DPoP proofs need one of ours. A proof is remembered for 70 s; beyond the limit bound tokens are refused. */
    dpop: Type.Optional(
      strict({
        nonce: Type.Optional(Type.Enum(['off', 'required'])),
        remembered_proofs_max: Type.Optional(count),
      }),
    ),
    /** `refresh_s`: a key no longer published stops within it. `stale_s_max`: how long the last set is believed while no newer one comes. */
    keys: Type.Optional(
      strict({
        refresh_s: Type.Optional(count),
        cooldown_s: Type.Optional(count),
        stale_s_max: Type.Optional(count),
      }),
    ),
    issuers: Type.Array(
      strict({
        issuer: url,
        jwks: url,
        audience: Type.String({ minLength: 1 }),
        algorithms: Type.Array(Type.Enum(['ES256', 'PS256', 'EdDSA', 'RS256']), { minItems: 1 }),
      }),
      { minItems: 1 },
    ),
  }),
  allow_loopback: Type.Boolean(),
  /** Runs the stand-ins for third parties; never in production. */
  sandbox: Type.Boolean(),
  /** Creates the demonstration's members, product and accounts. */
  seed: Type.Boolean(),
  /** Where the keys of passports and of members' keys lie; `generate` makes what is missing, which only one machine can do for itself. */
  keys: strict({ folder: file, generate: Type.Boolean() }),
  decisions: strict({
    file_bytes_max: count,
    files_max: Type.Integer({ minimum: 2 }),
    /** The security team's public key (a JWK): personal and secret facts are sealed to it, and left out without it. */
    seal_to: Type.Optional(file),
    /** Which part of the plainly allowed requests leaves a receipt; all others always do. All when left out. */
    allowed_sample: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  }),
  /** Where edges share what they count; TIDEGATE_REDIS_URL goes before `url`. Each counts for itself when left out. */
  redis: Type.Optional(strict({ url: Type.String({ pattern: '^rediss?://' }), timeout_ms: Type.Optional(count) })),
  /** Where services meet by Kafka; TIDEGATE_KAFKA_BROKERS and TIDEGATE_KAFKA_REST_BROKERS go before its brokers. */
  kafka: Type.Optional(KafkaClusters),
  /** Where the policies come from, when not from the folder: another edge's operator API, with the token in the file. */
  policies: Type.Optional(
    strict({ pull: strict({ url, token_file: file, every_ms: Type.Integer({ minimum: 100, maximum: 3_600_000 }) }) }),
  ),
  /** What is told to others; metrics are there to be read without. */
  telemetry: Type.Optional(strict({ traces: Type.Optional(Traces) })),
  upstreams: Type.Record(name, Upstream, { additionalProperties: false }),
  risk: strict({
    assess_timeout_ms: count,
    /** Where device, session and the member's level stand in a request; not known where nothing is said. */
    facts: Type.Optional(
      strict({
        device: Type.Optional(factSource),
        session: Type.Optional(factSource),
        level: Type.Optional(factSource),
      }),
    ),
    /** Between the edge and risk control. */
    breaker: Type.Optional(BreakerConfig),
    provider: Tongdun,
    /** Others that are asked at the same time; see `ask`. */
    more_providers: Type.Optional(
      Type.Array(Type.Union([strict({ name, tongdun: Tongdun }), strict({ name, json: JsonProvider })]), {
        maxItems: 4,
      }),
    ),
    /** With more than one: whether all must answer (left out), the first is enough, or so many. */
    ask: Type.Optional(
      Type.Union([Type.Enum(['all', 'first']), strict({ quorum: Type.Integer({ minimum: 1, maximum: 5 }) })]),
    ),
    /** `callback`: where the edge is reached from the desk. */
    desk: strict({
      url,
      callback: url,
      secret_file: file,
      /** During a rotation: cases are signed with both, until the desk has this one. */
      next_secret_file: Type.Optional(file),
      public_key_files: Type.Array(file, { minItems: 1, maxItems: 4 }),
    }),
  }),
  /** Told to end: for `notice_ms` it serves on while /readyz says no and every answer says close, then for `max_ms` it ends what runs. */
  drain: Type.Optional(
    strict({
      notice_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 600_000 })),
      max_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: 600_000 })),
    }),
  ),
  /** Over how many shards accounts are spread (more may be asked for later, fewer not), and how many writers share them. */
  ledger: Type.Optional(
    strict({
      shards: Type.Integer({ minimum: 1, maximum: 64 }),
      writers: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
      /** Where the days and months of limits begin. */
      time_zone: Type.Optional(TimeZone),
    }),
  ),
  /** Where the ledger's journal is. Left out: in a file beside the embedded database; else in PostgreSQL's own tables. */
  journal: Type.Optional(JournalStores),
  /** Who pays out what settlement closes. */
  bank: strict({ url, timeout_ms: count, breaker: Type.Optional(BreakerConfig) }),
  settlement: Type.Optional(SettlementConfig),
  routes: Type.Array(Route, { minItems: 1 }),
})

export type Config = Static<typeof ConfigSchema>
export type RouteConfig = Static<typeof Route>
export type CorsConfig = Static<typeof Cors>
export type TongdunConfig = Static<typeof Tongdun>
export type JsonProviderConfig = Static<typeof JsonProvider>
export type EdgeLimits = Config['edge']['limits']
