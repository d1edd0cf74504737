import { hash } from 'node:crypto'
import { compactVerify } from 'jose'
import type { Clock } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import type { Config } from '../platform/config-schema.ts'
import { destinationFault, safeDispatcher } from '../platform/safe-destination.ts'
import { type Expectations, readClaims, readPayload, type VerifiedToken } from './tokens/claims.ts'
import { type CompactJws, readCompactJws } from './tokens/compact-jws.ts'
import { refused } from './tokens/credential.ts'
import { createIssuerKeys, type IssuerKeys, type IssuerKeysState } from './tokens/issuer-keys.ts'
import { KEYS_DEADLINE_MS } from './tokens/key-fetch.ts'
import type { Algorithm, VerificationKey } from './tokens/key-policy.ts'

export type { VerifiedToken } from './tokens/claims.ts'
export { KEYS_DEADLINE_MS } from './tokens/key-fetch.ts'

export interface TokenVerifier {
  /** At once where the token is remembered. @throws Problem `invalid_token`; `dependency_unavailable` when the issuer's keys can't be had */
  verify(token: string): VerifiedToken | Promise<VerifiedToken>
}

export interface TokenVerification extends TokenVerifier {
  /** Whether this token was verified before, and still holds. Costs a hash. */
  remembers(token: string): boolean
  /** The issuers with the keys they publish, for the operator. */
  issuers(): readonly ({ readonly issuer: string } & IssuerKeysState)[]
  close(): Promise<void>
}

type Issuer = {
  readonly issuer: string
  readonly keys: IssuerKeys
  readonly audience: string
  readonly algorithms: readonly Algorithm[]
}
type Remembered = {
  readonly name: string
  readonly verified: VerifiedToken
  readonly keys: IssuerKeys
  readonly thumbprint: string
}

const KEYS_REFRESH_S = 60
const KEYS_COOLDOWN_S = 5
const KEYS_STALE_S_MAX = 3_600
const TOKEN_LIFETIME_S_MAX = 86_400
const PLACE_CHARACTERS = 8

/**
 * Verifies access tokens: a strict reading first, then jose on the signature with the one key that the issuer publishes for it,
 * then the claims. A verified token is remembered by the SHA-256 of all its characters until it expires or its key goes: a
 * signature costs more than the rest of the pipeline together. `onFault` is told what is wrong with an issuer's keys, and of the
 * end of it (null).
 */
export function createTokenVerifier(
  { identity, allow_loopback }: Pick<Config, 'identity' | 'allow_loopback'>,
  clock: Clock,
  onFault: (issuer: string, fault: string | null) => void = () => {},
): TokenVerification {
  const { remembered_tokens_max, keys = {} } = identity
  const dispatcher = safeDispatcher(allow_loopback, KEYS_DEADLINE_MS)
  const issuers = new Map(
    identity.issuers.map(({ issuer, jwks, audience, algorithms }): [string, Issuer] => {
      const fault = destinationFault(jwks, allow_loopback)
      if (fault !== null) throw new Error(`identity: ${jwks} ${fault}`)
      const issuerKeys = createIssuerKeys({
        url: jwks,
        algorithms,
        refreshMs: 1_000 * (keys.refresh_s ?? KEYS_REFRESH_S),
        cooldownMs: 1_000 * (keys.cooldown_s ?? KEYS_COOLDOWN_S),
        staleMsMax: 1_000 * (keys.stale_s_max ?? KEYS_STALE_S_MAX),
        dispatcher,
        clock,
        onFault: (what) => onFault(issuer, what),
      })
      return [issuer, { issuer, keys: issuerKeys, audience, algorithms }]
    }),
  )
  const remembered = new Map<number, Remembered>()

  const recall = (name: string): VerifiedToken | null => {
    const place = placeOf(name)
    const known = remembered.get(place)
    if (known === undefined || known.name !== name) return null
    const { verified, thumbprint } = known
    if (verified.expiresAt > clock.now() / 1000 && known.keys.isCurrent(thumbprint)) return verified
    remembered.delete(place)
    return null
  }

  const verifyNew = async (token: string, name: string): Promise<VerifiedToken> => {
    const jws = accepted(readCompactJws(token))
    const { issuer, key } = await chooseKey(jws, issuers)
    await verifySignature(jws, issuer.algorithms, key)
    const verified = accepted(readClaims(jws, expectationsOf(issuer, identity, clock)))
    if (remembered.size >= remembered_tokens_max) remembered.delete(remembered.keys().next().value ?? 0)
    remembered.set(placeOf(name), { name, verified, keys: issuer.keys, thumbprint: key.thumbprint })
    return verified
  }

  return {
    verify(token) {
      const name = hash('sha256', token, 'base64')
      return recall(name) ?? verifyNew(token, name)
    },
    remembers: (token) => recall(hash('sha256', token, 'base64')) !== null,
    issuers: () => [...issuers.values()].map(({ issuer, keys }) => ({ issuer, ...keys.state() })),
    async close() {
      for (const { keys } of issuers.values()) keys.close()
      await dispatcher.close()
    },
  }
}

/**
 * Where a token is remembered: a number of 30 bits, for V8 looks a text up only once it has entered it among all that it knows.
 * Whether it is that token there, its whole name tells; of two at one place the later is remembered.
 */
function placeOf(name: string): number {
  let place = 0
  for (let at = 0; at < PLACE_CHARACTERS; at++) place = (Math.imul(place, 61) + name.charCodeAt(at)) & 0x3fff_ffff
  return place
}

/** No token is taken for longer after it was issued, whatever the clocks. */
export function tokenLifeMsMax({
  token_lifetime_s_max = TOKEN_LIFETIME_S_MAX,
  clock_skew_s,
}: Config['identity']): number {
  return 1_000 * (token_lifetime_s_max + 2 * clock_skew_s)
}

/** `iss`, unverified, chooses among our own issuers only; the signature is then held to that one's keys. */
async function chooseKey(
  jws: CompactJws,
  issuers: ReadonlyMap<string, Issuer>,
): Promise<{ readonly issuer: Issuer; readonly key: VerificationKey }> {
  const { iss } = accepted(readPayload(jws.payload))
  const issuer = typeof iss === 'string' ? issuers.get(iss) : undefined
  if (issuer === undefined) throw refused('the issuer is not one of ours')
  const key = await issuer.keys.find(jws.kid).catch((cause: unknown) => {
    throw new Problem('dependency_unavailable', { detail: "the issuer's keys can not be had", cause })
  })
  if (key === null) throw refused('the issuer publishes no such key')
  return { issuer, key }
}

/** The algorithm is one that config lists for the issuer and that the key is for; jose never chooses (RFC 8725, 3.1). */
export async function verifySignature(
  { token, algorithm }: CompactJws,
  algorithms: readonly Algorithm[],
  { keys }: VerificationKey,
): Promise<void> {
  const allowed = algorithms.find((each) => each === algorithm)
  const key = allowed && keys.get(allowed)
  if (key === undefined) throw refused('the algorithm is not one that the key is for')
  await compactVerify(token, key, { algorithms: [algorithm] }).catch((cause: unknown) => {
    throw refused('the signature is not valid', cause)
  })
}

/**
 * What a token says of itself, for an explanation where the issuer's keys can't be had: everything is held to be right but the
 * signature. @throws Problem `invalid_token`
 */
export function readUnverified(token: string, { identity }: Pick<Config, 'identity'>, clock: Clock): VerifiedToken {
  const jws = accepted(readCompactJws(token))
  const { iss } = accepted(readPayload(jws.payload))
  const issuer = identity.issuers.find((each) => each.issuer === iss)
  if (issuer === undefined) throw refused('the issuer is not one of ours')
  return accepted(readClaims(jws, expectationsOf(issuer, identity, clock)))
}

function expectationsOf(
  { issuer, audience }: { readonly issuer: string; readonly audience: string },
  { clock_skew_s: skewS, token_lifetime_s_max: lifetimeMaxS = TOKEN_LIFETIME_S_MAX }: Config['identity'],
  clock: Clock,
): Expectations {
  return { issuer, audience, nowS: clock.now() / 1000, skewS, lifetimeMaxS }
}

function accepted<T>(read: T | string): T {
  if (typeof read === 'string') throw refused(read)
  return read
}
