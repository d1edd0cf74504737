import { type Money, parseMoney, scaleOf, type WireMoney } from '../kernel/money.ts'
import { Problem } from '../kernel/problem.ts'
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
export function createSpending(counters: QuotaCounters): (validated: Validated) => Promise<Spending> {
  const charged = new Set<string>()

  return async function spend(validated) {
    const { meter, payload, trail } = validated
    const amount = amountOf(payload.value)
    const taken: { readonly name: string; readonly bucket: Bucket; readonly points: number }[] = []
    const takeBack = async (): Promise<void> => {
      for (const { name, bucket, points } of taken.splice(0)) {
        charged.delete(name)
        await counters.giveBack(bucket, points)
      }
    }
    for (const quota of meter.amountQuotas) {
      if (amount === null || amount.currency !== quota.limit.currency) continue
      const name = JSON.stringify([quota.key, payload.idempotencyKey])
      if (payload.idempotencyKey !== null && charged.has(name)) continue
      const { windowMs } = quota
      const bucket = { name: quota.name, key: quota.key, limit: points(quota.limit), windowMs }
      try {
        await charge(counters, quota, bucket, points(amount), trail)
      } catch (refusal) {
        await takeBack()
        throw refusal
      }
      if (charged.size >= REMEMBERED_MAX) charged.delete(charged.values().next().value ?? '')
      charged.add(name)
      taken.push({ name, bucket, points: points(amount) })
    }
    return { takeBack }
  }
}

/** Whole major units, rounded up: counters are doubles, and a quota need not count cents. */
function points({ currency, minor }: Money): number {
  const unit = 10n ** BigInt(scaleOf(currency))
  return Number((minor + unit - 1n) / unit)
}

/** The amount of a body that the route's schema has already accepted. @throws Problem when it is not money */
export function amountOf(body: unknown): Money | null {
  const wire = (body as { amount?: WireMoney } | undefined)?.amount
  if (wire === undefined) return null
  const amount = parseMoney(wire)
  if (typeof amount !== 'string' && amount.minor > 0n) return amount
  const detail =
    typeof amount !== 'string'
      ? 'must be more than zero'
      : { ...FAULTS, unknown_currency: `${wire.currency} is not kept here` }[amount]
  throw new Problem('validation_failed', {
    detail: `/amount: ${detail}`,
    errors: [{ pointer: '/amount', detail }],
  })
}

const FAULTS = {
  malformed: 'is not a decimal number',
  wrong_scale: "must have exactly the currency's number of decimals",
  too_large: 'is larger than is kept here',
}
