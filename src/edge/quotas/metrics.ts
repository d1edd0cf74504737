import { Counter, Gauge, type Registry } from 'prom-client'
import type { Redis } from '../../platform/redis.ts'
import type { Counts } from './counts.ts'

export type QuotaSources = {
  readonly counts: Pick<Counts, 'forgotten'>
  /** Null: this edge counts for itself. */
  readonly redis: Pick<Redis, 'isReady'> | null
}

/** Whether what is counted here is all that was asked for, and whether the edges count together. */
export function watchQuotas(registry: Registry, { counts, redis }: QuotaSources): void {
  const registers = [registry]
  new Counter({
    name: 'tidegate_quota_forgotten_total',
    help: 'Buckets of quotas that were forgotten before their time, for want of room',
    registers,
    collect() {
      this.reset()
      this.inc(counts.forgotten())
    },
  })
  if (redis === null) return
  new Gauge({
    name: 'tidegate_redis_up',
    help: '1 while Redis answers, on which edges share their counts',
    registers,
    collect() {
      this.set(redis.isReady ? 1 : 0)
    },
  })
}
