import { createHash } from 'node:crypto'
import { compactVerify } from 'jose'
import { isTime, readPayload } from './claims.ts'
import { type CompactJws, readCompactJws } from './compact-jws.ts'
import { type Algorithm, readKeySet, type VerificationKey } from './key-policy.ts'

/** What of a DPoP proof (RFC 9449 section 4.2) is still to be judged, once it was verified and found to be for this request. */
export type DpopProof = {
  readonly jti: string
  /** RFC 7638, of the key that signed it. */
  readonly thumbprint: string
  readonly nonce: unknown
}

/** The request that a proof must be for; times in Unix seconds. */
export type ProofExpectations = {
  readonly method: string
  /** Scheme and authority by which the client may know us. */
  readonly origins: readonly string[]
  /** As it was matched: canonical, without a query. */
  readonly path: string
  readonly token: string
  readonly nowS: number
  /** A proof that was made earlier may have been used before we could remember it. */
  readonly notBeforeS: number
}

/** The algorithms of FAPI 2.0; no issuer's configuration widens them, since a client chooses its key by itself. */
export const DPOP_ALGORITHMS: readonly Algorithm[] = ['ES256', 'PS256', 'EdDSA']
/** How old a proof may be. */
export const PROOF_AGE_S_MAX = 60
/** By how much the client's clock may be ahead. */
export const PROOF_AHEAD_S_MAX = 10
const JTI = /^[\x21-\x7e]{1,256}$/

/** Checks a proof by all of RFC 9449 section 4.3 but its nonce and that it is new. A text says why it is refused. */
export async function readDpopProof(header: string, expected: ProofExpectations): Promise<DpopProof | string> {
  const jws = readCompactJws(header, ['jwk'])
  if (typeof jws === 'string') return jws
  if (jws.header['typ'] !== 'dpop+jwt') return 'its type is not dpop+jwt'
  const signed = await verifyByOwnKey(jws)
  if (typeof signed === 'string') return signed
  const claims = readPayload(jws.payload)
  if (typeof claims === 'string') return claims
  const { jti, htm, htu, ath, iat, exp, nonce } = claims
  if (typeof jti !== 'string' || !JTI.test(jti)) return 'its jti is not a short text'
  if (htm !== expected.method) return 'it is for another method'
  if (typeof htu !== 'string' || !isTarget(htu, expected)) return 'it is for another target'
  if (ath !== createHash('sha256').update(expected.token).digest('base64url')) return 'it is for another token'
  if (!isTime(iat)) return 'its iat is not in whole seconds'
  if (iat < expected.nowS - PROOF_AGE_S_MAX) return 'it is too old'
  if (iat > expected.nowS + PROOF_AHEAD_S_MAX) return 'it was made in the future'
  if (iat < expected.notBeforeS) return 'it was made before this edge started'
  if (exp !== undefined && (!isTime(exp) || exp <= expected.nowS)) return 'it has expired'
  return { jti, thumbprint: signed.thumbprint, nonce }
}

/** Verified by the public key in its own header, which must be as good as those of an issuer. */
async function verifyByOwnKey({ token, algorithm, header }: CompactJws): Promise<VerificationKey | string> {
  const allowed = DPOP_ALGORITHMS.find((each) => each === algorithm)
  if (allowed === undefined) return 'its algorithm is not one of ours'
  const set = await readKeySet({ keys: [header['jwk']] }, [allowed])
  if (typeof set === 'string') return `its jwk is not one public key: ${set}`
  const [own] = set.keys
  const key = own?.keys.get(allowed)
  if (own === undefined || key === undefined) return `its jwk is not accepted: ${set.leftOut.join()}`
  const isValid = await compactVerify(token, key, { algorithms: [allowed] }).then(
    () => true,
    () => false,
  )
  return isValid ? own : 'its signature is not valid'
}

/** Normalised by syntax and scheme (RFC 3986 section 6.2.2, 6.2.3), without query and fragment (RFC 9449 section 4.3, 9). */
function isTarget(htu: string, { origins, path }: ProofExpectations): boolean {
  const [, origin = '', written = ''] = /^(https?:\/\/[^/?#@\\\s]+)([^?#\s]*)/i.exec(htu) ?? []
  if (!URL.canParse(origin)) return false
  const sent = new URL(origin).origin
  return origins.some((each) => URL.parse(each)?.origin === sent) && upperHex(written || '/') === upperHex(path)
}

/** Dot segments need no folding: a path that has them was refused before. */
function upperHex(path: string): string {
  return path.replace(/%[0-9a-f]{2}/gi, (octet) => octet.toUpperCase())
}
