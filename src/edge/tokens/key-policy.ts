import { type CryptoKey, calculateJwkThumbprint, importJWK } from 'jose'
import { isRocaModulus } from './roca.ts'

/** The algorithms that an issuer may be configured for: asymmetric, without SHA-1, RS256 for those who have nothing better. */
export const ALGORITHMS = ['ES256', 'PS256', 'EdDSA', 'RS256'] as const
export type Algorithm = (typeof ALGORITHMS)[number]

/** A public key that may verify tokens, for the algorithms it is good for. */
export type VerificationKey = {
  readonly kid: string | null
  /** RFC 7638: the same key has the same one in every set. */
  readonly thumbprint: string
  /** The key for each algorithm: WebCrypto ties a key to one. */
  readonly keys: ReadonlyMap<Algorithm, CryptoKey>
}

export type KeySet = {
  readonly keys: readonly VerificationKey[]
  /** Why keys of the set were left out, for the operator. */
  readonly leftOut: readonly string[]
}

const KEYS_MAX = 32
const RSA_BITS_MIN = 2_048
const RSA_BITS_MAX = 8_192
const RSA_EXPONENT = 'AQAB' // 65537
/** RFC 7518 section 6: what only the owner of a private or shared key may hold. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

type Jwk = Readonly<Record<string, unknown>>

/**
 * Reads a JWK Set (RFC 7517) for one issuer. A set that holds a secret, or one `kid` twice, is refused whole: whoever made
 * it can not be relied on for the rest. A single key that is too weak, or for something else, is left out. A text says why
 * the set is refused.
 */
export async function readKeySet(value: unknown, algorithms: readonly Algorithm[]): Promise<KeySet | string> {
  const jwks = (value as { keys?: unknown } | null)?.keys
  if (!Array.isArray(jwks) || !jwks.every(isObject)) return 'it is not a JWK Set'
  if (jwks.length > KEYS_MAX) return `it holds more than ${KEYS_MAX} keys`
  if (jwks.some((jwk) => jwk['kty'] === 'oct' || SECRET_MEMBERS.some((name) => Object.hasOwn(jwk, name)))) {
    return 'it holds a secret key'
  }
  const kids = jwks.flatMap(({ kid }) => (kid === undefined ? [] : [kid]))
  if (kids.some((kid) => typeof kid !== 'string' || kid === '')) return 'a kid is not a text'
  if (new Set(kids).size < kids.length) return 'a kid stands twice'
  const read = await Promise.all(jwks.map((jwk) => readKey(jwk, algorithms)))
  return {
    keys: read.filter((key) => typeof key !== 'string'),
    leftOut: read.filter((key) => typeof key === 'string'),
  }
}

async function readKey(jwk: Jwk, algorithms: readonly Algorithm[]): Promise<VerificationKey | string> {
  const kid = typeof jwk['kid'] === 'string' ? jwk['kid'] : null
  const fault = findKeyFault(jwk)
  if (fault !== null) return `${kid ?? 'a key'}: ${fault}`
  const usable = algorithms.filter((algorithm) => isFor(jwk, algorithm))
  if (usable.length === 0) return `${kid ?? 'a key'}: it is for no algorithm that the issuer may use`
  try {
    // Imported without `key_ops` and the like: those were looked at here, and engines differ in how strict they are.
    const { kty, crv, x, y, n, e } = jwk
    const plain = Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, part]) => part !== undefined))
    const keys = await Promise.all(
      usable.map(async (algorithm) => [algorithm, (await importJWK(plain, algorithm)) as CryptoKey] as const),
    )
    return { kid, thumbprint: await calculateJwkThumbprint(plain), keys: new Map(keys) }
  } catch {
    return `${kid ?? 'a key'}: it is not a public key` // a point off its curve, for one
  }
}

function findKeyFault(jwk: Jwk): string | null {
  const { use, key_ops: operations } = jwk
  if (use !== undefined && use !== 'sig') return 'it is not for signatures'
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'it is not for verifying'
  }
  return jwk['kty'] === 'RSA' ? findRsaFault(jwk) : null
}

function findRsaFault({ n, e }: Jwk): string | null {
  if (typeof n !== 'string' || e !== RSA_EXPONENT) return 'its exponent is not 65537'
  const modulus = BigInt(`0x${Buffer.from(n, 'base64url').toString('hex') || '0'}`)
  const bits = modulus.toString(2).length
  if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX) return `its modulus has ${bits} bits`
  return isRocaModulus(modulus) ? 'its modulus can be factored (ROCA, CVE-2017-15361)' : null
}

/** RFC 7518 section 3.1, RFC 8037 section 3.1; an `alg` in the key narrows it further (RFC 8725 section 3.1). */
function isFor({ kty, crv, alg }: Jwk, algorithm: Algorithm): boolean {
  if (alg !== undefined && alg !== algorithm && !(alg === 'Ed25519' && algorithm === 'EdDSA')) return false
  switch (algorithm) {
    case 'ES256':
      return kty === 'EC' && crv === 'P-256'
    case 'EdDSA':
      return kty === 'OKP' && crv === 'Ed25519'
    case 'PS256':
    case 'RS256':
      return kty === 'RSA'
  }
}

function isObject(value: unknown): value is Jwk {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
