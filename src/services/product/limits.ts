import { isCountry } from '../../kernel/country.ts'
import { compareMoney, type Money } from '../../kernel/money.ts'
import { readAmount } from '../../platform/wire.ts'
import type { Holders, Limits } from './schema.ts'

/** What contradicts itself, or another field, and where. */
export type Unsound = { readonly pointer: string; readonly detail: string }

/** From the shortest time to the longest. */
const LIMITS = ['perTransfer', 'perDay', 'perMonth'] as const

/**
 * Limits are in the currencies of the product, one for each and a level, and none is above one for a longer time. Where a
 * currency has any, every member who may hold the product has one. @throws Problem for what is no amount
 */
export function unsoundLimits(
  limits: readonly Limits[],
  currencies: readonly string[],
  { fromLevel: heldFrom = 0 }: Holders,
): Unsound | null {
  const levels = new Map<string, number[]>()
  for (const [index, limit] of limits.entries()) {
    const at = `/limits/${index}`
    const read = currencyOf(limit, at)
    if (typeof read !== 'string') return read
    if (!currencies.includes(read)) return { pointer: at, detail: `the product is not in ${read}` }
    const { fromLevel = 0 } = limit
    const before = levels.get(read) ?? []
    if (before.includes(fromLevel)) {
      return { pointer: at, detail: `limits in ${read} from level ${fromLevel} are said before` }
    }
    levels.set(read, [...before, fromLevel])
  }
  for (const [currency, said] of levels) {
    if (Math.min(...said) > heldFrom) {
      return { pointer: '/limits', detail: `leave members below level ${Math.min(...said)} without any in ${currency}` }
    }
  }
  return null
}

/** The one currency of all amounts of a limit. */
function currencyOf(limit: Limits, at: string): string | Unsound {
  let before: Money | null = null
  for (const name of LIMITS) {
    const wire = limit[name]
    if (wire === undefined) continue
    const pointer = `${at}/${name}`
    const amount = readAmount(wire, pointer)
    if (before !== null && before.currency !== amount.currency) {
      return { pointer, detail: `is not in ${before.currency}` }
    }
    if (before !== null && compareMoney(amount, before) < 0)
      return { pointer, detail: 'is less than a limit before it' }
    before = amount
  }
  return before?.currency ?? { pointer: at, detail: 'limits nothing' }
}

export function unsoundHolders({ countries = [] }: Holders): Unsound | null {
  const index = countries.findIndex((country) => !isCountry(country))
  return index < 0 ? null : { pointer: `/holders/countries/${index}`, detail: 'is not a country of ISO 3166-1' }
}
