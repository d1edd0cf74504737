import type { Redis } from '../../platform/redis.ts'
import type { Quota, QuotaOnError } from '../../policy/index.ts'
import type { Counts, Size, Taken } from './counts.ts'
import { createSharedCounter } from './shared-counter.ts'

/** What counts one quota. Answers at once, unless edges share their counts. */
export interface Counter {
  /** As the RateLimit fields call it. */
  readonly name: string
  /** Its item of RateLimit-Policy. */
  readonly policy: string
  /** `away`: Redis does not answer, and the quota says `closed`. */
  take(key: string, points: number): Taken | Promise<Taken | 'away'>
  giveBack(key: string, points: number): void | Promise<void>
}

/** The counters of this edge. What they hold in memory is lost with the process: at most one window is counted anew. */
export interface QuotaCounters {
  of(quota: Quota): Counter
  /** A counter that no policy names. */
  named(name: string, size: Size): Counter
}

const LOCAL: QuotaOnError = { kind: 'local', share: 1 }

/** @param redis null: each edge counts for itself */
export function createQuotaCounters(counts: Counts, redis: Redis | null): QuotaCounters {
  const known = new WeakMap<Quota, Counter>()
  const named = (name: string, size: Size, id = name, onError: QuotaOnError = LOCAL): Counter => {
    const policy = `"${name}";q=${size.points};w=${Math.ceil(size.windowMs / 1_000)}`
    if (redis !== null) return { name, policy, ...createSharedCounter(redis, counts, { name: id, size, onError }) }
    const space = counts.space(id)
    return {
      name,
      policy,
      take: (key, points) => counts.take(space, key, points, size),
      giveBack: (key, points) => counts.giveBack(space, key, points, size),
    }
  }
  return {
    named,
    of(quota) {
      const found = known.get(quota)
      if (found !== undefined) return found
      const { allowance, onError } = quota.effect
      const name = quota.name.slice('quota/'.length)
      // An edit of the limit keeps what was counted, one of the time or of what is counted begins anew.
      const id = `${quota.name} ${allowance.unit} ${allowance.windowMs}`
      const made = named(name, allowance, id, onError ?? LOCAL)
      known.set(quota, made)
      return made
    },
  }
}
