import { skipWithoutRedis } from '../support/redis.ts'
import type { RelayMode, RelayProtocol } from '../support/relay.ts'
import { HTTP } from '../support/relay.ts'

/** How a dependency fails, at its socket. */
export const FAULTS = ['refused', 'hangs', '500', 'slow', 'garbage', 'reset mid-answer'] as const
export type Fault = (typeof FAULTS)[number]

/** `hangs`, `slow` and the reset come after the other side has acted: that is where money may have moved unseen. */
export const MODES: Readonly<Record<Fault, RelayMode>> = {
  refused: 'refuse',
  hangs: 'hang',
  '500': 'error',
  slow: 'slow',
  garbage: 'garbage',
  'reset mid-answer': 'reset',
}

export type Dependency = {
  readonly name: string
  /** The relays it is reached by; several situations may share one. */
  readonly relays: readonly RelayName[]
  /** How long the fault lasts before anyone asks: until what was known from before has run out. */
  readonly lastsMs: number
}

/** Cash flow and risk control have databases of their own, so that each can fail alone. */
export const DATABASES = ['database of cash flow', 'database of risk control', 'other databases'] as const

export const RELAY_NAMES = [
  'jwks',
  'fraud-provider',
  'review-desk',
  'bank',
  'membership',
  'product',
  'cash-flow',
  'risk',
  'settlement',
  'redis',
  ...DATABASES,
] as const
export type RelayName = (typeof RELAY_NAMES)[number]

/** After so long without an answer the keys of the issuer are not believed any more. */
export const KEYS_STALE_S = 3
/** The feed of revocations is at most 1 s old, or money does not move. */
const FEED_STALE_MS = 2_500

export const DEPENDENCIES: readonly Dependency[] = [
  { name: 'JWKS, its keys known', relays: ['jwks'], lastsMs: 0 },
  { name: 'JWKS, its keys too old', relays: ['jwks'], lastsMs: 1_000 * KEYS_STALE_S + 2_000 },
  { name: 'fraud provider', relays: ['fraud-provider'], lastsMs: 0 },
  { name: 'review desk', relays: ['review-desk'], lastsMs: 0 },
  { name: 'bank', relays: ['bank'], lastsMs: 0 },
  { name: 'membership', relays: ['membership'], lastsMs: FEED_STALE_MS },
  { name: 'product', relays: ['product'], lastsMs: 0 },
  { name: 'cash flow', relays: ['cash-flow'], lastsMs: 0 },
  { name: 'risk control', relays: ['risk'], lastsMs: 0 },
  { name: 'settlement', relays: ['settlement'], lastsMs: 0 },
  { name: 'database of cash flow', relays: ['database of cash flow'], lastsMs: 0 },
  { name: 'database of risk control', relays: ['database of risk control'], lastsMs: 0 },
  { name: 'every database', relays: DATABASES, lastsMs: FEED_STALE_MS },
  { name: 'Redis', relays: ['redis'], lastsMs: 0 },
]

/** Those of them that can fail here: there is no Redis on a machine without its server. */
export const DRILLED: readonly Dependency[] = DEPENDENCIES.filter(
  ({ name }) => name !== 'Redis' || skipWithoutRedis === false,
)

/** A reset hurts most where the answer to a COMMIT is lost. */
const POSTGRES: RelayProtocol = {
  error: errorResponse('57P03', 'the database system is shutting down'),
  resetAfter: 'COMMIT',
}

export function isDatabase(relay: RelayName): relay is (typeof DATABASES)[number] {
  return DATABASES.some((name) => name === relay)
}

/** RESP, "Simple errors". */
const REDIS: RelayProtocol = { error: Buffer.from('-ERR the server is shutting down\r\n'), resetAfter: null }

export function protocolOf(relay: RelayName): RelayProtocol {
  if (relay === 'redis') return REDIS
  return isDatabase(relay) ? POSTGRES : HTTP
}

/** PostgreSQL's frontend/backend protocol 3.0, `ErrorResponse`. */
function errorResponse(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`)
  const head = Buffer.alloc(5, 'E')
  head.writeUInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}
