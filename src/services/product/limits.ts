import { compareMoney, type Money } from '../../kernel/money.ts'
import { readAmount } from '../../platform/wire.ts'
import type { Limits } from './schema.ts'

/** What contradicts itself, or another field, and where. */
export type Unsound = { readonly pointer: string; readonly detail: string }

/** From the shortest time to the longest. */
const LIMITS = ['perTransfer', 'perDay', 'perMonth'] as const

/**
 * Limits are in the currencies of the product, one for each, and none is above one for a longer time.
 * @throws Problem for what is no amount
 */
export function unsoundLimits(limits: readonly Limits[], currencies: readonly string[]): Unsound | null {
  const said = new Set<string>()
  for (const [index, limit] of limits.entries()) {
    let before: Money | null = null
    for (const name of LIMITS) {
      const wire = limit[name]
      if (wire === undefined) continue
      const pointer = `/limits/${index}/${name}`
      const amount = readAmount(wire, pointer)
      const { currency } = amount
      if (!currencies.includes(currency)) return { pointer, detail: 'is in no currency of the product' }
      if (before === null && said.has(currency)) return { pointer, detail: `limits in ${currency} are said before` }
      if (before !== null && before.currency !== currency) return { pointer, detail: `is not in ${before.currency}` }
      if (before !== null && compareMoney(amount, before) < 0)
        return { pointer, detail: 'is less than a limit before it' }
      said.add(currency)
      before = amount
    }
  }
  return null
}
