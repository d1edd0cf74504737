import { parseMoney } from '../../kernel/money.ts'
import { CelMoney } from './cel-money.ts'

/**
 * A body as conditions see it: integers are `int`, what has the shape of money on the wire is Money, the rest is as it
 * stands. An amount that can't be read (of no currency we know, of the wrong scale) stays as it is: a comparison with
 * money is then an error, and a denial that asks for it denies.
 */
export function bodyValue(json: unknown): unknown {
  if (typeof json === 'number') return Number.isSafeInteger(json) ? BigInt(json) : json
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return json.map(bodyValue)
  const amount = isWireMoney(json) ? parseMoney(json) : null
  if (typeof amount === 'object' && amount !== null) return new CelMoney(amount)
  return new Map(Object.entries(json).map(([key, value]) => [key, bodyValue(value)]))
}

function isWireMoney(value: object): value is { readonly currency: string; readonly value: string } {
  const { currency, value: amount } = value as Readonly<Record<string, unknown>>
  return Object.keys(value).length === 2 && typeof currency === 'string' && typeof amount === 'string'
}
