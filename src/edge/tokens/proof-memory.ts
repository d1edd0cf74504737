import { createHash } from 'node:crypto'
import type { Clock, Instant } from '../../kernel/clock.ts'
import type { Redis } from '../../platform/redis.ts'

/** The DPoP proofs that were used and could still be sent again. */
export interface ProofMemory {
  /**
   * Takes a proof in, unless it is known, or no more can be kept: forgetting one would let it in again. `unshared`: it is new
   * here, and what other edges know can not be asked.
   */
  take(proof: { readonly thumbprint: string; readonly jti: string }): Promise<'new' | 'seen' | 'full' | 'unshared'>
  size(): number
}

export function createProofMemory(options: {
  readonly proofsMax: number
  /** At least as long as a proof can be valid after it was first taken. */
  readonly keptMs: number
  readonly clock: Clock
  /** Where edges share what they know; null: there is one edge, or each knows its own. */
  readonly redis: Redis | null
}): ProofMemory {
  const { proofsMax, keptMs, clock, redis } = options
  const until = new Map<string, Instant>() // the oldest first: all are kept equally long

  const forget = (now: Instant): void => {
    for (const [name, end] of until) {
      if (end >= now) return // it may be sent until the very end
      until.delete(name)
    }
  }
  return {
    async take({ thumbprint, jti }) {
      const now = clock.now()
      forget(now)
      const name = createHash('sha256').update(`${thumbprint}.${jti}`).digest('base64url') // one size, whatever the jti
      if (until.has(name)) return 'seen'
      if (until.size >= proofsMax) return 'full'
      until.set(name, (now + keptMs) as Instant)
      if (redis === null) return 'new'
      return redis.remember(`tidegate:proof:${name}`, keptMs).then(
        (isNew) => (isNew ? 'new' : 'seen'),
        () => 'unshared',
      )
    },
    size: () => until.size,
  }
}
