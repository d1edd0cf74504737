import { createHash } from 'node:crypto'
import type { Clock, Instant } from '../../kernel/clock.ts'

/** The DPoP proofs that were used and could still be sent again. */
export interface ProofMemory {
  /** Takes a proof in, unless it is known, or no more can be kept: forgetting one would let it in again. */
  take(proof: { readonly thumbprint: string; readonly jti: string }): 'new' | 'seen' | 'full'
  size(): number
}

export function createProofMemory(options: {
  readonly proofsMax: number
  /** At least as long as a proof can be valid after it was first taken. */
  readonly keptMs: number
  readonly clock: Clock
}): ProofMemory {
  const { proofsMax, keptMs, clock } = options
  const until = new Map<string, Instant>() // the oldest first: all are kept equally long

  const forget = (now: Instant): void => {
    for (const [name, end] of until) {
      if (end >= now) return // it may be sent until the very end
      until.delete(name)
    }
  }
  return {
    take({ thumbprint, jti }) {
      const now = clock.now()
      forget(now)
      const name = createHash('sha256').update(`${thumbprint}.${jti}`).digest('base64url') // one size, whatever the jti
      if (until.has(name)) return 'seen'
      if (until.size >= proofsMax) return 'full'
      until.set(name, (now + keptMs) as Instant)
      return 'new'
    },
    size: () => until.size,
  }
}
