import { type TString, Type } from 'typebox'
import { MINOR_MAX, type Money, type MoneyFault, parseMoney, type WireMoney } from '../kernel/money.ts'
import { Problem } from '../kernel/problem.ts'

/** Money as it arrives: its shape alone. `readAmount` checks the currency and its scale. */
export const MoneyShape = Type.Object(
  { currency: Type.String({ pattern: '^[A-Z]{3}$' }), value: Type.String({ maxLength: 24 }) },
  { additionalProperties: false },
)

/** One line of text: 1 to `charactersMax` Unicode characters, no controls, no half of a surrogate pair. */
export function line(charactersMax: number): TString {
  return Type.String({ minLength: 1, maxLength: charactersMax, pattern: '^[^\\p{Cc}\\p{Cs}]*$' })
}

const FAULTS: Readonly<Record<MoneyFault, string>> = {
  unknown_currency: 'is in a currency that is not kept here',
  malformed: 'is not a decimal number in its plain form',
  wrong_scale: "does not have exactly its currency's number of decimals",
  too_large: 'is larger than any amount kept here',
}

/** Reads an amount above zero. @throws Problem `validation_failed` that names the field by its JSON Pointer */
export function readAmount(wire: WireMoney, pointer: string): Money {
  const amount = readMoney(wire, pointer)
  if (amount.minor <= 0n) throw refusal(pointer, 'is not above zero')
  return amount
}

/**
 * Reads what a transfer moves in all: its amount, or what its legs come to, which are in one currency.
 * @throws Problem `validation_failed`, `currency_mismatch`
 */
export function readMoved(body: {
  readonly amount?: WireMoney
  readonly legs?: readonly { readonly amount: WireMoney }[]
}): Money {
  if (body.legs === undefined) return readAmount(body.amount ?? NO_MONEY, '/amount')
  const amounts = body.legs.map(({ amount }, index) => readAmount(amount, `/legs/${index}/amount`))
  const [first] = amounts
  if (first === undefined) throw refusal('/legs', 'has no leg')
  if (amounts.some(({ currency }) => currency !== first.currency)) {
    throw new Problem('currency_mismatch', { detail: 'body/legs: are not in one currency' })
  }
  const minor = amounts.reduce((sum, each) => sum + each.minor, 0n)
  if (minor > MINOR_MAX) throw refusal('/legs', 'come to more than any amount kept here')
  return { currency: first.currency, minor }
}

/** What is read where there is no amount: nothing that passes. */
const NO_MONEY: WireMoney = { currency: '', value: '' }

/** Reads an amount of zero or more. @throws Problem `validation_failed` that names the field by its JSON Pointer */
export function readLimit(wire: WireMoney, pointer: string): Money {
  const amount = readMoney(wire, pointer)
  if (amount.minor < 0n) throw refusal(pointer, 'is below zero')
  return amount
}

function readMoney(wire: WireMoney, pointer: string): Money {
  const amount = parseMoney(wire)
  if (typeof amount === 'string') throw refusal(pointer, FAULTS[amount])
  return amount
}

function refusal(pointer: string, detail: string): Problem {
  return new Problem('validation_failed', { detail: `body${pointer}: ${detail}`, errors: [{ pointer, detail }] })
}
