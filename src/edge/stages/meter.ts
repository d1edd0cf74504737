import type { QuotaCharge } from '../../policy/index.ts'
import { type Authenticated, add, type Metered, type QuotaState } from '../exchange.ts'
import type { QuotaCounters } from '../quotas/counters.ts'
import { type Asked, seconds, settle } from '../quotas/settle.ts'

/**
 * Counts the request against the quotas that the policies set for this caller and route; at once, unless edges share their
 * counts. Quotas on amounts are found here and charged by `assess`, once the body is known to be what the contract says.
 */
export function createMeter(counters: QuotaCounters) {
  return function meter(authenticated: Authenticated): Metered | Promise<Metered> {
    const { trail, access } = authenticated
    const { charges, considered, marks } = trail.bundle.quotas(access, trail.marks)
    trail.considered.push(...considered)
    trail.marks = marks
    const amountQuotas: QuotaCharge[] = []
    const asked: Asked[] = []
    const waiting: Promise<Asked>[] = []
    for (const { quota, key, points } of charges) {
      if (points === 'amount') {
        amountQuotas.push({ quota, key, points })
        continue
      }
      const counter = counters.of(quota)
      const answer = counter.take(key, points)
      if (answer instanceof Promise) waiting.push(answer.then((it) => ({ quota, counter, key, points, answer: it })))
      else asked.push({ quota, counter, key, points, answer })
    }
    const metered = add(authenticated, 'meter', { amountQuotas } as unknown as Metered['meter'])
    if (waiting.length > 0) return settleAll(waiting, metered)
    settle(trail, asked)
    return metered
  }
}

/** All are asked in one turn, so that Redis gets one message. */
async function settleAll(waiting: readonly Promise<Asked>[], metered: Metered): Promise<Metered> {
  settle(metered.trail, await Promise.all(waiting))
  return metered
}

/** The fields of the IETF draft (draft-ietf-httpapi-ratelimit-headers-11): policy, and what is left of it. */
export function rateLimitHeaders(quotas: readonly QuotaState[]): readonly (readonly [string, string])[] {
  if (quotas.length === 0) return []
  let policies = ''
  let left = ''
  for (const { counter, remaining, resetMs } of quotas) {
    if (policies !== '') {
      policies += ', '
      left += ', '
    }
    policies += counter.policy
    left += `"${counter.name}";r=${remaining};t=${seconds(resetMs)}`
  }
  return [
    ['ratelimit-policy', policies],
    ['ratelimit', left],
  ]
}
