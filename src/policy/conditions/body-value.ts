import { parseMoney } from '../../kernel/money.ts'
import { CelMoney } from './cel-money.ts'

/** A caller fills lists at two bytes an item; a loop in a loop over this many takes a tenth of a second. */
const LIST_ITEMS_MAX = 1_000

/** Stands for a longer list: what asks it anything is an error, an optional index too. */
const LONG_LIST: readonly unknown[] = new Proxy([], {
  get(_list, key) {
    if (key === 'constructor') return Array // by which CEL tells types apart
    throw new RangeError(`a list has more than ${LIST_ITEMS_MAX} items`)
  },
})

/**
 * A body as conditions see it: integers are `int`, what has the shape of money on the wire is Money, the rest is as it
 * stands. An amount that can't be read (of no currency we know, of the wrong scale) stays as it is: a comparison with
 * money is then an error, and a denial that asks for it denies. So it is with a list that is too long to be looped over.
 */
export function bodyValue(json: unknown): unknown {
  if (typeof json === 'number') return Number.isSafeInteger(json) ? BigInt(json) : json
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return json.length > LIST_ITEMS_MAX ? LONG_LIST : json.map(bodyValue)
  const amount = isWireMoney(json) ? parseMoney(json) : null
  if (typeof amount === 'object' && amount !== null) return new CelMoney(amount)
  return new Map(Object.entries(json).map(([key, value]) => [key, bodyValue(value)]))
}

function isWireMoney(value: object): value is { readonly currency: string; readonly value: string } {
  const { currency, value: amount } = value as Readonly<Record<string, unknown>>
  return Object.keys(value).length === 2 && typeof currency === 'string' && typeof amount === 'string'
}
