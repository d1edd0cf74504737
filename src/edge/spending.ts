import { type Money, scaleOf } from '../kernel/money.ts'
import type { Validated } from './exchange.ts'
import type { Bucket, QuotaCounters } from './quota-counters.ts'
import { charge } from './stages/meter.ts'

/** What a request was charged; to be taken back when it is certain that no money moved. */
export type Spending = { takeBack(): Promise<void> }

const REMEMBERED_MAX = 200_000

/**
 * Charges the amount of a transfer to the member's quotas on amounts, once for each Idempotency-Key: a retry moves nothing
 * new and must get the first answer, whatever is left of the quota.
 */
export function createSpending(counters: QuotaCounters): (validated: Validated, amount: Money) => Promise<Spending> {
  const charged = new Set<string>()

  return async function spend({ meter, payload, trail }, amount) {
    const taken: { readonly name: string; readonly bucket: Bucket }[] = []
    const cost = majorUnits(amount)
    const takeBack = async (): Promise<void> => {
      for (const { name, bucket } of taken.splice(0)) {
        charged.delete(name)
        await counters.giveBack(bucket, cost)
      }
    }
    try {
      for (const quota of meter.amountQuotas) {
        const name = JSON.stringify([quota.key, payload.idempotencyKey])
        if (amount.currency !== quota.limit.currency || charged.has(name)) continue
        const { key, windowMs } = quota
        const bucket = { name: quota.name, key, limit: majorUnits(quota.limit), windowMs }
        if (!(await charge(counters, quota, bucket, cost, trail))) continue
        if (charged.size >= REMEMBERED_MAX) charged.delete(charged.values().next().value ?? '')
        charged.add(name)
        taken.push({ name, bucket })
      }
    } catch (refusal) {
      await takeBack()
      throw refusal
    }
    return { takeBack }
  }
}

/** Rounded up: counters are doubles, and a quota need not count cents. */
function majorUnits({ currency, minor }: Money): number {
  const unit = 10n ** BigInt(scaleOf(currency))
  return Number((minor + unit - 1n) / unit)
}
