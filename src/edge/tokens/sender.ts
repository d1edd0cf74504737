import type { Clock } from '../../kernel/clock.ts'
import { Problem, type ProblemCode } from '../../kernel/problem.ts'
import type { Redis } from '../../platform/redis.ts'
import type { Screened } from '../exchange.ts'
import { peerCertificateThumbprint } from '../tls.ts'
import type { VerifiedToken } from './claims.ts'
import { type Credential, refused, type Scheme } from './credential.ts'
import type { DpopNonces } from './dpop-nonces.ts'
import { DPOP_ALGORITHMS, PROOF_AGE_S_MAX, PROOF_AHEAD_S_MAX, readDpopProof } from './dpop-proof.ts'
import { createProofMemory } from './proof-memory.ts'

/**
 * Holds a verified token to the sender that it was given to, if it says so; at once, unless there is a proof to be looked at.
 * @throws Problem when it is not the one
 */
export type SenderCheck = (
  request: Pick<Screened, 'incoming' | 'trail' | 'method' | 'origin' | 'path' | 'headers' | 'route'>,
  credential: Credential,
  token: VerifiedToken,
) => void | Promise<void>

export type SenderOptions = {
  readonly clock: Clock
  /** Scheme and authority by which clients know us, when TLS ends in front of us; empty: the request's own. */
  readonly publicOrigins: readonly string[]
  readonly proofsMax: number
  /** Where edges share which proofs were used; null: each knows its own. */
  readonly redis: Redis | null
  /** Null: proofs need no nonce. */
  readonly nonces: DpopNonces | null
  /** Whether a token that is bound to nobody is refused, as FAPI 2.0 has it. */
  readonly mustBeBound: boolean
}

const ALGORITHMS = `algs="${DPOP_ALGORITHMS.join(' ')}"`

/**
 * Mutual TLS (RFC 8705): a token bound to a certificate is taken on a connection that has it; no header is believed for it,
 * since any client can send one. DPoP (RFC 9449): a token bound to a key is taken with a proof by that key, made for this very
 * request, once. Such a token sent as Bearer, or any other as DPoP, is refused: nobody can be talked into the weaker way. Used
 * proofs are known to this process, and to all that share a Redis; those from before it started are refused. While Redis does
 * not answer a proof may be new here and used elsewhere: no money moves on one.
 */
export function createSenderCheck(options: SenderOptions): SenderCheck {
  const { clock, redis, publicOrigins, proofsMax, nonces, mustBeBound } = options
  const keptMs = 1_000 * (PROOF_AGE_S_MAX + PROOF_AHEAD_S_MAX)
  const memory = createProofMemory({ proofsMax, keptMs, clock, redis })
  const startedAtS = clock.now() / 1_000

  const checkProof = async (...[request, { token }, { confirmation }]: Parameters<SenderCheck>): Promise<void> => {
    const { trail, headers, method, origin, path, route } = request
    if (nonces !== null) trail.dpopNonce = nonces.current()
    const header = headers.get('dpop')
    if (header === undefined) throw notProven('there is no DPoP proof')
    const proof = await readDpopProof(header, {
      method,
      origins: publicOrigins.length === 0 ? [origin] : publicOrigins,
      path,
      token,
      nowS: clock.now() / 1_000,
      notBeforeS: startedAtS,
    })
    if (typeof proof === 'string') throw notProven(`the DPoP proof is refused: ${proof}`)
    if (proof.thumbprint !== confirmation.keyThumbprint) throw unbound('the token is bound to another key')
    if (nonces !== null && !nonces.isFresh(proof.nonce)) {
      throw challenge('use_dpop_nonce', 'the DPoP proof has no nonce of ours, or an old one')
    }
    const taken = await memory.take(proof)
    if (taken === 'seen') throw notProven('the DPoP proof was used before')
    if (taken === 'unshared' && route.tags.includes('money')) {
      throw new Problem('dependency_unavailable', { detail: 'which DPoP proofs were used at other edges is not known' })
    }
    if (taken === 'full') throw new Problem('overloaded', { detail: 'no more DPoP proofs can be remembered' })
  }

  return (request, credential, token) => {
    const { keyThumbprint, certificateThumbprint } = token.confirmation
    if (
      certificateThumbprint !== null &&
      certificateThumbprint !== peerCertificateThumbprint(request.incoming.socket)
    ) {
      throw refused('the token is bound to a client certificate that this connection does not have')
    }
    if (keyThumbprint === null && credential.scheme === 'DPoP') throw unbound('the token is not bound to a key')
    if (keyThumbprint !== null && credential.scheme === 'Bearer') throw unbound('the token is bound to a key')
    if (mustBeBound && keyThumbprint === null && certificateThumbprint === null) {
      throw unbound('a token must be bound to a key or a certificate')
    }
    if (keyThumbprint !== null) return checkProof(request, credential, token)
  }
}

/** A challenge written for Bearer, in the scheme that the client used (RFC 9449 section 7.1). */
export function challengeIn(scheme: Scheme, challenge: string): string {
  if (scheme === 'Bearer' || !challenge.startsWith('Bearer ')) return challenge
  return `${challenge.replace('Bearer', 'DPoP')}, ${ALGORITHMS}`
}

const notProven = (detail: string): Problem => challenge('invalid_dpop_proof', detail)
const unbound = (detail: string): Problem => challenge('invalid_token', detail)

function challenge(code: ProblemCode, detail: string): Problem {
  return new Problem(code, {
    detail,
    headers: { 'www-authenticate': `DPoP realm="tidegate", error="${code}", ${ALGORITHMS}` },
  })
}
