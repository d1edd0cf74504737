import { assert } from './assert.ts'

/** ISO 4217 currencies we keep, each with its scale: how many digits its minor unit has. */
const SCALES = { CNY: 2, EUR: 2, GBP: 2, HKD: 2, JPY: 0, KRW: 0, KWD: 3, SGD: 2, USD: 2 } as const

export type Currency = keyof typeof SCALES
export const CURRENCIES = Object.keys(SCALES) as readonly Currency[]

/** An amount in integer minor units. Never a float: JSON numbers are doubles and lose cents. */
export type Money = { readonly currency: Currency; readonly minor: bigint }

/** Money as it stands on the wire: `{"currency":"CNY","value":"128.50"}`. */
export type WireMoney = { readonly currency: string; readonly value: string }

/** What a signed 64-bit column holds, less room for adding: 10^18 minor units. */
export const MINOR_MAX = 1_000_000_000_000_000_000n

export function money(currency: Currency, minor: bigint): Money {
  return { currency, minor }
}

function isCurrency(text: string): text is Currency {
  return Object.hasOwn(SCALES, text)
}

export function scaleOf(currency: Currency): number {
  return SCALES[currency]
}

export type MoneyFault = 'unknown_currency' | 'malformed' | 'wrong_scale' | 'too_large'

/**
 * Reads wire money: exactly the currency's scale, no sign but `-`, no exponent, no leading zeros.
 * A foreseen fault is returned, not thrown.
 */
export function parseMoney(wire: WireMoney): Money | MoneyFault {
  if (!isCurrency(wire.currency)) return 'unknown_currency'
  const match = /^(-?)(0|[1-9]\d{0,18})(?:\.(\d{1,18}))?$/.exec(wire.value)
  if (match === null) return 'malformed'
  const [, sign = '', whole = '', fraction = ''] = match
  if (fraction.length !== SCALES[wire.currency]) return 'wrong_scale'
  const magnitude = BigInt(whole + fraction)
  if (magnitude > MINOR_MAX) return 'too_large'
  return money(wire.currency, sign === '-' ? -magnitude : magnitude)
}

/** The decimal string of an amount, with exactly the currency's scale. */
export function formatMinor({ currency, minor }: Money): string {
  const scale = SCALES[currency]
  const digits = (minor < 0n ? -minor : minor).toString().padStart(scale + 1, '0')
  const sign = minor < 0n ? '-' : ''
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

export function toWire(amount: Money): WireMoney {
  return { currency: amount.currency, value: formatMinor(amount) }
}

/** Adds two amounts of one currency. @throws AssertionFailed on two currencies: no caller may reach that. */
export function add(a: Money, b: Money): Money {
  assert(a.currency === b.currency, `${a.currency} is not added to ${b.currency}`)
  return money(a.currency, a.minor + b.minor)
}

/** Less than, equal or greater as a number below, at or above zero. @throws AssertionFailed on two currencies */
export function compareMoney(a: Money, b: Money): number {
  assert(a.currency === b.currency, `${a.currency} is not compared with ${b.currency}`)
  return a.minor < b.minor ? -1 : a.minor > b.minor ? 1 : 0
}
