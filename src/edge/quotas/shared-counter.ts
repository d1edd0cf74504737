import { RateLimiterCompatibleAbstract, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import { sha256 } from '../../kernel/canonical-json.ts'
import type { Redis } from '../../platform/redis.ts'
import type { QuotaOnError } from '../../policy/index.ts'
import type { Counts, Size, Space, Taken } from './counts.ts'
import { TAKE } from './shared-window.ts'

/** A counter that edges share: rate-limiter-flexible on Redis, by our script, insured by what this process counts. */
export interface SharedCounter {
  /** `away`: nobody knows, and nobody may count in Redis's place. */
  take(key: string, points: number): Promise<Taken | 'away'>
  giveBack(key: string, points: number): Promise<void>
}

const KEY_CHARACTERS_MAX = 100
const PREFIX = 'tidegate:count'

export function createSharedCounter(
  redis: Redis,
  counts: Counts,
  options: { readonly name: string; readonly size: Size; readonly onError: QuotaOnError },
): SharedCounter {
  const { name, size, onError } = options
  const limiter = new RateLimiterRedis({
    storeClient: redis,
    useRedisPackage: true, // calls `eval` as node-redis has it
    rejectIfRedisNotReady: true,
    customIncrTtlLuaScript: TAKE,
    keyPrefix: `${PREFIX}:${encodeURIComponent(name)}`,
    points: size.points,
    duration: size.windowMs, // for the script alone: the library knows whole seconds
    ...(onError.kind === 'closed' ? {} : { insuranceLimiter: new Insurance(counts, name, size, onError.share) }),
  })
  return {
    async take(key, points) {
      try {
        const { remainingPoints, msBeforeNext } = await limiter.consume(shortened(key), points)
        return { taken: true, remaining: remainingPoints, resetMs: msBeforeNext }
      } catch (refused) {
        if (!(refused instanceof RateLimiterRes)) return 'away'
        const remaining = size.points + points - refused.consumedPoints
        return { taken: false, remaining, resetMs: refused.msBeforeNext }
      }
    },
    async giveBack(key, points) {
      await limiter.reward(shortened(key), points).catch(() => null) // then it stays counted: on the safe side
    },
  }
}

/** A key is what a caller sends; Redis keeps it for a while. */
function shortened(key: string): string {
  return key.length <= KEY_CHARACTERS_MAX ? key : sha256(key)
}

/** Counts here while Redis is away, with its part of the limit, in memory that is bounded. */
class Insurance extends RateLimiterCompatibleAbstract {
  override readonly keyPrefix = ''
  override blockDuration = 0
  override execEvenly = false
  readonly #counts: Counts
  readonly #space: Space
  readonly #size: Size
  readonly #whole: number

  constructor(counts: Counts, name: string, size: Size, share: number) {
    super()
    this.#counts = counts
    this.#space = counts.space(name)
    this.#size = { ...size, points: Math.max(1, Math.floor(size.points * share)) }
    this.#whole = size.points
  }

  override async consume(key: string, points = 1): Promise<RateLimiterRes> {
    const { taken, remaining, resetMs } = this.#counts.take(this.#space, key, points, this.#size)
    const consumed = this.#whole - remaining + (taken ? 0 : points)
    const told = new RateLimiterRes(remaining, resetMs, consumed)
    if (!taken) throw told
    return told
  }

  override async reward(key: string, points = 1): Promise<RateLimiterRes> {
    this.#counts.giveBack(this.#space, key, points, this.#size)
    return new RateLimiterRes()
  }
}
