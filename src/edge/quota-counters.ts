import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { QuotaState } from './exchange.ts'

/** Buckets of one process. What they hold is lost with it: at most one window is counted anew. */
export interface QuotaCounters {
  /** Takes `points` from the bucket if they are there; `state` tells what is left and when it is full again. */
  take(bucket: Bucket, points: number): Promise<{ readonly taken: boolean; readonly state: QuotaState }>
  /** Gives points back that were taken for something that then did not happen. */
  giveBack(bucket: Bucket, points: number): Promise<void>
}

export type Bucket = { readonly name: string; readonly key: string; readonly limit: number; readonly windowMs: number }

/** Counters on rate-limiter-flexible, one limiter per quota and window, so that counts outlive an edit. */
export function createQuotaCounters(): QuotaCounters {
  const limiters = new Map<string, RateLimiterMemory>()
  const limiterOf = ({ name, limit, windowMs }: Bucket): RateLimiterMemory => {
    const id = `${name} ${windowMs}`
    const known = limiters.get(id)
    if (known !== undefined) {
      known.points = limit // an edited limit keeps what was counted
      return known
    }
    const made = new RateLimiterMemory({ keyPrefix: name, points: limit, duration: windowMs / 1000 })
    limiters.set(id, made)
    return made
  }
  const stateOf = ({ name, limit, windowMs }: Bucket, result: RateLimiterRes): QuotaState => ({
    name,
    limit,
    windowMs,
    remaining: Math.max(0, result.remainingPoints),
    resetMs: Math.max(0, result.msBeforeNext),
  })
  return {
    async take(bucket, points) {
      const limiter = limiterOf(bucket)
      try {
        return { taken: true, state: stateOf(bucket, await limiter.consume(bucket.key, points)) }
      } catch (rejection) {
        if (!(rejection instanceof RateLimiterRes)) throw rejection
        await limiter.reward(bucket.key, points) // what was refused does not count
        const held = await limiter.get(bucket.key)
        return { taken: false, state: stateOf(bucket, held ?? rejection) }
      }
    },
    async giveBack(bucket, points) {
      const limiter = limiterOf(bucket)
      const held = await limiter.get(bucket.key)
      if (held !== null && held.consumedPoints >= points) await limiter.reward(bucket.key, points) // else a new window
    },
  }
}
