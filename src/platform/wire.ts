import { type TString, Type } from 'typebox'
import { type Money, type MoneyFault, parseMoney, type WireMoney } from '../kernel/money.ts'
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
