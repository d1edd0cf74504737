import { ipKeyGenerator, MemoryStore, type Options } from 'express-rate-limit'
import { Problem } from '../../kernel/problem.ts'
import type { Config } from '../../platform/config-schema.ts'
import { type Admission, type Admitted, add, type Received } from '../exchange.ts'

/** IPv6 clients hold a whole network; they count by it. */
const IPV6_PREFIX_BITS = 56

/**
 * How much one address may ask before we know who it is. Counted by the store of express-rate-limit; its middleware would
 * cost ten times as much (it asks each of its options on every request), so the limit is held and told here.
 */
export function createAdmit({ requests, per_ms }: Config['edge']['admission']) {
  const store = new MemoryStore()
  store.init({ windowMs: per_ms } as Options)
  return async function admit(received: Received): Promise<Admitted> {
    const address = ipKeyGenerator(received.source.ip, IPV6_PREFIX_BITS)
    const { totalHits, resetTime } = await store.increment(address)
    if (totalHits > requests) throw tooMany(requests, per_ms, resetTime)
    return add(received, 'admission', { address } as Admission)
  }
}

function tooMany(limit: number, windowMs: number, resetTime: Date | undefined): Problem {
  const seconds = Math.max(1, Math.ceil(((resetTime?.getTime() ?? Date.now() + windowMs) - Date.now()) / 1000))
  return new Problem('quota_exceeded', {
    detail: `this address may make ${limit} requests in ${windowMs / 1000} s`,
    rule: 'admission/address',
    headers: {
      'retry-after': String(seconds),
      'ratelimit-policy': `"address";q=${limit};w=${Math.ceil(windowMs / 1000)}`,
      ratelimit: `"address";r=0;t=${seconds}`,
    },
  })
}
