import { type Currency, type Money, money, scaleOf } from '../../kernel/money.ts'

/** The price of one unit of a currency in units of another, as an integer: `mantissa` over ten to the power of `digits`. */
export type Rate = { readonly mantissa: bigint; readonly digits: number }

const RATE = /^(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,12}))?$/

/** A rate from its decimal form: up to nine digits before the point and twelve behind it, above zero; else null. */
export function parseRate(text: string): Rate | null {
  const match = RATE.exec(text)
  if (match === null) return null
  const [, whole = '', fraction = ''] = match
  const mantissa = BigInt(whole + fraction)
  return mantissa === 0n ? null : { mantissa, digits: fraction.length }
}

/**
 * What an amount comes to in another currency, rounded down to its minor unit. `residue` is what the rounding has cut off, in
 * whole minor units of that currency: one where something was cut off, else none.
 */
export function convert(paid: Money, into: Currency, { mantissa, digits }: Rate): { received: Money; residue: Money } {
  const product = paid.minor * mantissa * 10n ** BigInt(scaleOf(into))
  const divisor = 10n ** BigInt(digits + scaleOf(paid.currency))
  const cut = product % divisor === 0n ? 0n : 1n
  return { received: money(into, product / divisor), residue: money(into, cut) }
}

/** What a rate is known by: `USD-CNY` is how many CNY one USD gives. */
export function pairOf(from: Currency, to: Currency): string {
  return `${from}-${to}`
}
