import { ipKeyGenerator } from 'express-rate-limit'
import { Problem } from '../../kernel/problem.ts'
import type { Config } from '../../platform/config-schema.ts'
import { type Admission, type Admitted, add, type Received } from '../exchange.ts'
import type { QuotaCounters } from '../quotas/counters.ts'
import type { Taken } from '../quotas/counts.ts'
import { seconds } from '../quotas/settle.ts'
import { remembering } from '../remembering.ts'

/** IPv6 clients hold a whole network; they count by it. */
const IPV6_PREFIX_BITS = 56

/**
 * How much one address may ask before we know who it is. By the address as express-rate-limit writes it, on our counters:
 * its store keeps every address of two windows, and its middleware asks each of its options on every request.
 */
export function createAdmit({ requests, per_ms }: Config['edge']['admission'], counters: QuotaCounters) {
  const { name, policy, take } = counters.named('address', { points: requests, windowMs: per_ms })

  const settle = (received: Received, address: string, answer: Taken | 'away'): Admitted => {
    if (answer !== 'away' && !answer.taken) throw tooMany(answer.resetMs)
    return add(received, 'admission', { address } as Admission)
  }
  const tooMany = (resetMs: number): Problem => {
    const waitS = seconds(resetMs)
    return new Problem('quota_exceeded', {
      detail: `this address may make ${requests} requests in ${per_ms / 1000} s`,
      rule: 'admission/address',
      headers: { 'retry-after': String(waitS), 'ratelimit-policy': policy, ratelimit: `"${name}";r=0;t=${waitS}` },
    })
  }
  const keyOf = remembering((ip) => ipKeyGenerator(ip, IPV6_PREFIX_BITS))
  return function admit(received: Received): Admitted | Promise<Admitted> {
    const address = keyOf(received.source.ip)
    const answer = take(address, 1)
    if (answer instanceof Promise) return answer.then((told) => settle(received, address, told))
    return settle(received, address, answer)
  }
}
