import { createHash } from 'node:crypto'
import { createRemoteJWKSet, decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import type { Clock } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import type { Config } from '../platform/config-schema.ts'
import { destinationFault } from '../platform/safe-destination.ts'

/** How long a verified token is believed without looking at it again: a removed key, too, stops within it and the JWKS's age. */
const REMEMBERED_S_MAX = 60

/** What an access token says, once all of it was verified (RFC 9068). */
export type VerifiedToken = {
  readonly subject: string
  readonly client: string
  readonly scopes: readonly string[]
  readonly claims: Readonly<Record<string, unknown>>
  /** Unix seconds. */
  readonly expiresAt: number
}

export interface TokenVerifier {
  /** @throws Problem `invalid_token`; `dependency_unavailable` when the issuer's keys can't be had */
  verify(token: string): Promise<VerifiedToken>
}

const TOKEN_CHARACTERS_MAX = 8_192
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
const REQUIRED_CLAIMS = ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti']
/** How long an issuer may take to hand out its keys. */
export const KEYS_DEADLINE_MS = 2_000
const JWKS_COOLDOWN_MS = 5_000
const JWKS_CACHE_MS = 300_000

type Issuer = { readonly keys: JWTVerifyGetKey; readonly audience: string; readonly algorithms: readonly string[] }

/**
 * Verifies access tokens with jose: issuer, audience, type `at+jwt` and the algorithms listed for the issuer. A verified
 * token is remembered by the SHA-256 of all its characters until it expires: a signature costs more than the rest of the
 * pipeline together.
 */
export function createTokenVerifier(config: Config, clock: Clock): TokenVerifier {
  const { clock_skew_s, remembered_tokens_max, issuers } = config.identity
  const known = new Map<string, Issuer>(
    issuers.map(({ issuer, jwks, audience, algorithms }) => {
      const fault = destinationFault(jwks, config.allow_loopback)
      if (fault !== null) throw new Error(`identity: ${jwks} ${fault}`)
      const keys = createRemoteJWKSet(new URL(jwks), {
        timeoutDuration: KEYS_DEADLINE_MS,
        cooldownDuration: JWKS_COOLDOWN_MS,
        cacheMaxAge: JWKS_CACHE_MS,
      })
      return [issuer, { keys, audience, algorithms }]
    }),
  )
  const remembered = new Map<string, VerifiedToken>()

  return {
    async verify(token) {
      if (token.length > TOKEN_CHARACTERS_MAX || !isCanonicalCompact(token))
        throw refused('the token is not a compact JWS')
      const name = createHash('sha256').update(token).digest('base64')
      const before = remembered.get(name)
      if (before !== undefined) {
        if (before.expiresAt > clock.now() / 1000) return before
        remembered.delete(name)
      }
      const verified = await verifySignature(token, known, clock, clock_skew_s)
      if (remembered.size >= remembered_tokens_max) remembered.delete(remembered.keys().next().value ?? '')
      remembered.set(name, {
        ...verified,
        expiresAt: Math.min(verified.expiresAt, clock.now() / 1000 + REMEMBERED_S_MAX),
      })
      return verified
    },
  }
}

async function verifySignature(
  token: string,
  issuers: ReadonlyMap<string, Issuer>,
  clock: Clock,
  skewS: number,
): Promise<VerifiedToken> {
  try {
    // Unverified, it chooses among our own issuers only; jwtVerify then holds the token to that one.
    const { iss = '' } = decodeJwt(token)
    const issuer = issuers.get(iss)
    if (issuer === undefined) throw refused('the issuer is not one of ours')
    const { payload } = await jwtVerify(token, issuer.keys, {
      issuer: iss,
      audience: issuer.audience,
      algorithms: [...issuer.algorithms],
      typ: 'at+jwt',
      requiredClaims: REQUIRED_CLAIMS,
      clockTolerance: skewS,
      currentDate: new Date(clock.now()),
    })
    return readClaims(payload)
  } catch (error) {
    if (error instanceof Problem) throw error
    if (isAboutToken(error)) throw refused('the token is not valid here', error)
    throw new Problem('dependency_unavailable', { detail: "the issuer's keys can not be had", cause: error })
  }
}

/** jose says in its error's class whether the token is at fault, or the way to the keys. */
function isAboutToken(error: unknown): boolean {
  const ofKeys = error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid
  return error instanceof errors.JOSEError && !ofKeys && error.code !== 'ERR_JOSE_GENERIC'
}

/** The claims that the edge decides by. @throws Problem `invalid_token` */
export function readClaims(payload: JWTPayload): VerifiedToken {
  const { sub, exp, scope = '' } = payload
  const client = payload['client_id']
  if (
    typeof sub !== 'string' ||
    sub === '' ||
    typeof client !== 'string' ||
    typeof scope !== 'string' ||
    exp === undefined
  ) {
    throw refused('the token has a claim of the wrong type')
  }
  const scopes = scope.split(' ').filter((word) => word !== '')
  return { subject: sub, client, scopes, claims: payload, expiresAt: exp }
}

/** jose takes some base64url that is not canonical; then one token would have several spellings. */
function isCanonicalCompact(token: string): boolean {
  return (
    COMPACT.test(token) &&
    token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
  )
}

export function refused(detail: string, cause?: unknown): Problem {
  return new Problem('invalid_token', {
    detail,
    cause,
    headers: { 'www-authenticate': 'Bearer realm="tidegate", error="invalid_token"' },
  })
}
