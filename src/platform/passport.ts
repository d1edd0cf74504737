import { timingSafeEqual } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { sha256 } from '../kernel/canonical-json.ts'
import type { Clock } from '../kernel/clock.ts'
import { hmacSha256 } from '../kernel/hmac.ts'
import type { NamedKey } from './key-file.ts'
import { checkOf } from './schema.ts'

/** The header that carries it. Whatever a client sends under this name is removed by the edge. */
export const PASSPORT_HEADER = 'tidegate-passport'

const Principal = Type.Union([
  Type.Object({
    kind: Type.Literal('member'),
    id: Type.String(),
    member: Type.String(),
    scopes: Type.Array(Type.String()),
  }),
  Type.Object({ kind: Type.Literal('operator'), id: Type.String(), scopes: Type.Array(Type.String()) }),
  Type.Object({ kind: Type.Literal('service'), id: Type.String() }),
  Type.Object({ kind: Type.Literal('anonymous') }),
])

const Claims = Type.Object({
  /** The service it is for; another one refuses it. */
  aud: Type.String(),
  method: Type.String(),
  /** Path and query, byte for byte as forwarded. */
  target: Type.String(),
  bodySha256: Type.String(),
  /** Bare; another key would make the same body another change. */
  idempotencyKey: Type.Union([Type.String(), Type.Null()]),
  /** Unix seconds; a passport lives for `LIFETIME_S`. */
  iat: Type.Integer(),
  receipt: Type.Union([Type.String(), Type.Null()]),
  principal: Principal,
  /** What the rules of the edge tagged the request with; left out by who has no rules. */
  tags: Type.Optional(Type.Array(Type.String())),
  /** What risk control said, on routes that ask it. */
  assessment: Type.Union([
    Type.Object({
      id: Type.String(),
      outcome: Type.Union([Type.Literal('accept'), Type.Literal('review'), Type.Literal('hold')]),
      /** How long a hold reserves the money, in milliseconds. */
      holdMs: Type.Optional(Type.Integer()),
    }),
    Type.Null(),
  ]),
})

export type Principal = Static<typeof Principal>
export type Passport = Static<typeof Claims>
export type PassportAssessment = NonNullable<Passport['assessment']>

/** One HMAC key; the first of a list signs, all of them verify, so that keys rotate with overlap. */
export type PassportKey = NamedKey

/** Keys by service, newest first; looked up at each use, so that a rotation needs no restart. `kid` is the one looked for. */
export type PassportKeys = (service: string, kid?: string) => readonly PassportKey[]

const LIFETIME_S = 60
const SHA256_OF_NOTHING = sha256('')
const CLOCK_SKEW_S = 30

/** The request that a passport is bound to; it carries no Idempotency-Key where none is given. */
export type BoundRequest = {
  readonly method: string
  readonly target: string
  readonly body: Uint8Array
  readonly idempotencyKey?: string | null
}

export type PassportClaims = Pick<Passport, 'principal' | 'assessment' | 'receipt' | 'tags'>

/** Signs a passport for one request to one service: `v1.kid.payload.mac`, base64url, HMAC-SHA256. */
export function signPassport(
  keys: PassportKeys,
  clock: Clock,
  aud: string,
  { method, target, body, idempotencyKey = null }: BoundRequest,
  claims: PassportClaims,
): string {
  const [key] = keys(aud)
  if (key === undefined) throw new Error(`no passport key for ${aud}`)
  const iat = Math.floor(clock.now() / 1000)
  const bodySha256 = body.length === 0 ? SHA256_OF_NOTHING : sha256(body)
  const { principal, assessment, receipt, tags } = claims
  const bound = JSON.stringify({ aud, method, target, bodySha256, idempotencyKey, iat, receipt, assessment, tags })
  const payload = `${bound.slice(0, -1)},"principal":${principalText(principal)}}`
  const signed = `v1.${key.kid}.${Buffer.from(payload).toString('base64url')}`
  return `${signed}.${mac(key, signed)}`
}

/** The principal of a token that is remembered is the same object in each of its requests. */
const principalTexts = new WeakMap<Principal, string>()

function principalText(principal: Principal): string {
  const before = principalTexts.get(principal)
  if (before !== undefined) return before
  const text = JSON.stringify(principal)
  principalTexts.set(principal, text)
  return text
}

const checkClaims = checkOf(Claims)

/**
 * Verifies everything of a passport but the body, which has not been read yet: compare `bodySha256` once it has.
 * Null for whatever is wrong; a caller learns no more than that.
 */
export function verifyPassport(
  keys: PassportKeys,
  clock: Clock,
  aud: string,
  request: Omit<BoundRequest, 'body'> & { readonly header: string | undefined },
): Passport | null {
  const parts = request.header?.split('.')
  if (parts === undefined || parts.length !== 4 || parts[0] !== 'v1') return null
  const [version, kid, payload = '', signature = ''] = parts
  const key = keys(aud, kid).find((candidate) => candidate.kid === kid)
  if (key === undefined) return null
  const expected = Buffer.from(mac(key, `${version}.${kid}.${payload}`), 'base64url')
  const given = Buffer.from(signature, 'base64url')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null
  const claims = checkClaims(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')))
  if (!claims.ok) return null
  const age = clock.now() / 1000 - claims.value.iat
  const fits =
    claims.value.aud === aud &&
    claims.value.method === request.method &&
    claims.value.target === request.target &&
    claims.value.idempotencyKey === (request.idempotencyKey ?? null)
  return fits && age <= LIFETIME_S && age >= -CLOCK_SKEW_S ? claims.value : null
}

const macs = new WeakMap<PassportKey, (text: string) => string>()

function mac(key: PassportKey, signed: string): string {
  let made = macs.get(key)
  if (made === undefined) {
    made = hmacSha256(key.secret)
    macs.set(key, made)
  }
  return made(signed)
}
