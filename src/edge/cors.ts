import type { CorsConfig } from '../platform/config-schema.ts'
import type { Answer } from './exchange.ts'

/** Which pages of other origins may use a route from a browser, and how (Fetch standard, section 3.3). */
export type Cors = {
  readonly origins: ReadonlySet<string>
  /** Null: those of the route. */
  readonly methods: readonly string[] | null
  /** In lower case. */
  readonly headers: readonly string[]
  readonly maxAgeS: number
  readonly credentials: boolean
}

const EVERY_ORIGIN = '*'
/** What our API asks of clients. */
const HEADERS = ['authorization', 'content-type', 'dpop', 'idempotency-key', 'if-match', 'last-event-id', 'prefer']
/** What a page may read of an answer beyond the few headers that every page may. */
const EXPOSED = [
  ...['Tidegate-Receipt', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'Idempotency-Replayed', 'Location', 'ETag'],
  ...['WWW-Authenticate', 'DPoP-Nonce'],
].join(', ')
const MAX_AGE_S = 600

/** @throws Error when an origin has no canonical form, or every origin would get what only its own page may see */
export function readCors(config: CorsConfig): Cors {
  const { origins, methods = null, headers = HEADERS, max_age_s: maxAgeS = MAX_AGE_S, credentials = false } = config
  for (const origin of origins) {
    if (origin === EVERY_ORIGIN && credentials)
      throw new Error('cors: every origin, and credentials, exclude each other')
    if (origin !== EVERY_ORIGIN && !isOrigin(origin))
      throw new Error(`cors: ${JSON.stringify(origin)} is not an origin as browsers write it, like https://app.example`)
  }
  return {
    origins: new Set(origins),
    methods,
    headers: headers.map((name) => name.toLowerCase()),
    maxAgeS,
    credentials,
  }
}

function isOrigin(text: string): boolean {
  return !text.includes('*') && URL.canParse(text) && new URL(text).origin === text
}

/** Whether pages of this origin may use the route. `null` is what any page can make itself be. */
export function allowsOrigin({ origins }: Cors, origin: string): boolean {
  return origins.has(EVERY_ORIGIN) || origins.has(origin)
}

/** On every answer of the route: who may read it, and that caches keep those of different origins apart. */
export function corsHeaders(cors: Cors | null, origin: string | undefined): Answer['headers'] {
  if (cors === null) return []
  if (origin === undefined || !allowsOrigin(cors, origin)) return [['vary', 'Origin']]
  const credentials = cors.credentials ? ([['access-control-allow-credentials', 'true']] as const) : []
  return [
    ['vary', 'Origin'],
    ['access-control-allow-origin', cors.origins.has(EVERY_ORIGIN) ? EVERY_ORIGIN : origin],
    ['access-control-expose-headers', EXPOSED],
    ...credentials,
  ]
}
