import { sha256 } from '../kernel/canonical-json.ts'
import type { Money } from '../kernel/money.ts'
import type { Redis } from '../platform/redis.ts'
import { majorUnits } from '../policy/index.ts'
import { ownerOf, type Validated } from './exchange.ts'
import type { Counter, QuotaCounters } from './quotas/counters.ts'
import { settle } from './quotas/settle.ts'

/** What a request was charged; to be taken back when it is certain that no money moved. */
export type Spending = { takeBack(): Promise<void> }

type Charged = { readonly name: string; readonly counter: Counter; readonly key: string }

/**
 * Charges the amount of a transfer to the member's quotas on amounts, once for each Idempotency-Key: a retry moves nothing
 * new and must get the first answer, whatever is left of the quota.
 */
export function createSpending(
  counters: QuotaCounters,
  redis: Redis | null,
): (validated: Validated, amount: Money) => Promise<Spending> {
  const memory = createChargeMemory(redis)

  return async function spend({ caller, meter, payload, trail }, amount) {
    const taken: Charged[] = []
    const points = majorUnits(amount)
    const takeBack = async (): Promise<void> => {
      for (const { name, counter, key } of taken.splice(0)) {
        await memory.forget(name)
        await counter.giveBack(key, points)
      }
    }
    try {
      for (const { quota, key } of meter.amountQuotas) {
        const { unit, windowMs } = quota.effect.allowance
        // With its owner: others count in the same bucket, and may use the same Idempotency-Key.
        const charge = [quota.name, key, ownerOf(caller.principal), payload.idempotencyKey]
        const name = `tidegate:charged:${sha256(JSON.stringify(charge))}`
        if (amount.currency !== unit || (await memory.has(name))) continue
        const counter = counters.of(quota)
        const answer = await counter.take(key, points)
        settle(trail, [{ quota, counter, key, points, answer }])
        if (answer === 'away' || !answer.taken) continue // in shadow
        if (await memory.add(name, windowMs)) taken.push({ name, counter, key })
        else await counter.giveBack(key, points) // another edge has just charged the same
      }
    } catch (refusal) {
      await takeBack()
      throw refusal
    }
    return { takeBack }
  }
}

const REMEMBERED_MAX = 200_000

/** Which charges were made: by this process, and by all that share a Redis while it answers. */
function createChargeMemory(redis: Redis | null) {
  const own = new Set<string>()
  return {
    async has(name: string): Promise<boolean> {
      return own.has(name) || (redis !== null && (await redis.remembers(name).catch(() => false)))
    },
    /** @returns false when another edge was first */
    async add(name: string, keptMs: number): Promise<boolean> {
      if (own.size >= REMEMBERED_MAX) own.delete(own.values().next().value ?? '')
      own.add(name)
      return redis === null || redis.remember(name, keptMs).catch(() => true)
    },
    async forget(name: string): Promise<void> {
      own.delete(name)
      await redis?.forget(name).catch(() => {})
    },
  }
}
