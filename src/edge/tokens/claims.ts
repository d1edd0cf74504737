import type { Json } from '../../kernel/canonical-json.ts'
import { parseStrictJson } from '../../kernel/strict-json.ts'
import type { CompactJws } from './compact-jws.ts'

/** What an access token says, once all of it was verified (RFC 9068). */
export type VerifiedToken = {
  readonly subject: string
  readonly client: string
  readonly scopes: readonly string[]
  readonly claims: Readonly<Record<string, unknown>>
  readonly confirmation: Confirmation
  /** Unix seconds. */
  readonly expiresAt: number
}

/** Whose token it is, as SHA-256 in base64url: it is worth nothing in other hands. Null: not bound in this way. */
export type Confirmation = {
  /** `jkt`: of the key that signs DPoP proofs (RFC 9449 section 6.1). */
  readonly keyThumbprint: string | null
  /** `x5t#S256`: of the client's certificate (RFC 8705 section 3.1). */
  readonly certificateThumbprint: string | null
}

/** What a token must say to be taken here; times in Unix seconds. */
export type Expectations = {
  readonly issuer: string
  readonly audience: string
  readonly nowS: number
  readonly skewS: number
  /** From `iat` to `exp`; a longer-lived token could not be taken back by waiting. */
  readonly lifetimeMaxS: number
}

const CLAIM_LIMITS = { depthMax: 16, keysMax: 500 }
const AUDIENCES_MAX = 16
const IDENTIFIER_CHARACTERS_MAX = 256
/** RFC 6749 section 3.3: scope tokens, one space between two. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/
/** RFC 9068 section 4; the type's name is case-insensitive, its prefix may be left out (RFC 7515 section 4.1.9). */
const ACCESS_TOKEN_TYPE = /^(?:application\/)?at\+jwt$/i

/** Reads the claims of a token whose signature was verified, or is to be. A text says why it is refused. */
export function readClaims(jws: CompactJws, expected: Expectations): VerifiedToken | string {
  const { typ } = jws.header
  if (typeof typ !== 'string' || !ACCESS_TOKEN_TYPE.test(typ)) return 'the token is not an access token (at+jwt)'
  const claims = readPayload(jws.payload)
  if (typeof claims === 'string') return claims
  if (claims['iss'] !== expected.issuer) return 'the token is of another issuer'
  if (!isFor(claims['aud'], expected.audience)) return 'the token is for another audience'
  const { sub, client_id, jti, scope = '', exp } = claims
  if (!isIdentifier(sub)) return 'the claim sub is not an identifier'
  if (!isIdentifier(client_id)) return 'the claim client_id is not an identifier'
  if (!isIdentifier(jti)) return 'the claim jti is not an identifier'
  if (typeof scope !== 'string' || (scope !== '' && !SCOPE.test(scope)))
    return 'the claim scope is not a list of scopes'
  const fault = findTimeFault(claims, expected)
  if (fault !== null) return fault
  const confirmation = readConfirmation(claims['cnf'])
  if (typeof confirmation === 'string') return confirmation
  return {
    subject: sub,
    client: client_id,
    scopes: scope === '' ? [] : scope.split(' '),
    claims,
    confirmation,
    expiresAt: exp as number,
  }
}

/** The claims as they stand, unverified, to choose the issuer by. A text says why there are none. */
export function readPayload(payload: Buffer): Readonly<Record<string, Json>> | string {
  const read = parseStrictJson(payload, CLAIM_LIMITS)
  if (!('value' in read)) return `the claims can not be read: ${read.detail}`
  const { value } = read
  return isObject(value) ? value : 'the claims are not an object'
}

function isFor(aud: Json | undefined, audience: string): boolean {
  if (!Array.isArray(aud)) return aud === audience
  return aud.length <= AUDIENCES_MAX && aud.every((each) => typeof each === 'string') && aud.includes(audience)
}

/** RFC 7800 section 3.1. What is bound in no way that we can confirm is not taken for unbound. */
function readConfirmation(cnf: Json | undefined): Confirmation | string {
  if (cnf === undefined) return { keyThumbprint: null, certificateThumbprint: null }
  if (!isObject(cnf)) return 'the claim cnf is not an object'
  const { jkt, 'x5t#S256': x5t } = cnf
  if (jkt === undefined && x5t === undefined) return 'the token is bound in a way that is not known here'
  if (!isThumbprint(jkt) || !isThumbprint(x5t)) return 'the claim cnf holds no SHA-256 thumbprint'
  return { keyThumbprint: jkt ?? null, certificateThumbprint: x5t ?? null }
}

function isThumbprint(value: Json | undefined): value is string | undefined {
  return value === undefined || (typeof value === 'string' && /^[A-Za-z0-9_-]{43}$/.test(value))
}

function isObject(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whole seconds since 1970: RFC 7519 allows fractions, but no issuer needs them and parsers read them differently. */
export function isTime(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}

function findTimeFault({ iat, nbf, exp }: Readonly<Record<string, Json>>, expected: Expectations): string | null {
  const { nowS, skewS, lifetimeMaxS } = expected
  if (!isTime(iat) || !isTime(exp) || (nbf !== undefined && !isTime(nbf))) return 'a time is not in whole seconds'
  if (exp <= nowS - skewS) return 'the token has expired'
  if (nbf !== undefined && nbf > nowS + skewS) return 'the token is not valid yet'
  if (iat > nowS + skewS) return 'the token was issued in the future'
  if (exp < iat || exp - iat > lifetimeMaxS) return `the token lives longer than ${lifetimeMaxS} s`
  return null
}

/** A name without anything that would change a header or a log line it is written into. */
function isIdentifier(value: Json | undefined): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= IDENTIFIER_CHARACTERS_MAX &&
    !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(value)
  )
}
