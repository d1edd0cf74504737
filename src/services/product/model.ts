import { compareMoney, type Money, type WireMoney } from '../../kernel/money.ts'
import { readAmount, readLimit } from '../../platform/wire.ts'
import { type Unsound, unsoundHolders, unsoundLimits } from './limits.ts'
import type { Fee, ProductCreation, ProductFields, SimpleFee } from './schema.ts'

export type TermsOutcome =
  | { readonly kind: 'sound'; readonly product: ProductFields }
  /** A fee is charged on the account, so it is in the account's currency. `pointer`: where it says another. */
  | {
      readonly kind: 'fee_in_other_currency'
      readonly currency: string
      readonly fee: string
      readonly pointer: string
    }
  | { readonly kind: 'unsound'; readonly pointer: string; readonly detail: string }

/** A product of which no fee was said has none. @throws Problem for what is no amount */
export function termsOf({ fee = { kind: 'none' }, ...creation }: ProductCreation): TermsOutcome {
  const { currency, otherCurrencies = [], limits = [], holders = {} } = creation
  const currencies = [currency, ...otherCurrencies]
  const other = moniesIn(fee).find(([, money]) => money.currency !== currency)
  if (other !== undefined) {
    const [pointer, { currency: said }] = other
    return { kind: 'fee_in_other_currency', currency, fee: said, pointer: `${pointer}/currency` }
  }
  const unsound =
    unsoundCurrencies(currency, otherCurrencies) ??
    (currencies.length > 1 ? unsoundAmong(fee) : null) ??
    (fee.kind === 'tiers' ? unsoundTiers(fee.tiers) : unsoundRate(fee, '/fee')) ??
    unsoundLimits(limits, currencies, holders) ??
    unsoundHolders(holders)
  if (unsound !== null) return { kind: 'unsound', ...unsound }
  return { kind: 'sound', product: { ...creation, fee } }
}

function unsoundCurrencies(currency: string, others: readonly string[]): Unsound | null {
  const index = others.indexOf(currency)
  return index < 0 ? null : { pointer: `/otherCurrencies/${index}`, detail: "is the product's own currency" }
}

/** An amount that a fee names is in one currency: where there are several, it would be charged in another. */
function unsoundAmong(fee: Fee): Unsound | null {
  const [first] = moniesIn(fee)
  return first === undefined
    ? null
    : { pointer: first[0], detail: 'is in one of the several currencies of the product' }
}

/** Each amount that a fee names, with its place. */
function moniesIn(fee: Fee, at = '/fee'): readonly (readonly [pointer: string, money: WireMoney])[] {
  switch (fee.kind) {
    case 'none':
      return []
    case 'flat':
      return [[`${at}/amount`, fee.amount]]
    case 'rate':
      return (['least', 'most'] as const).flatMap((name) => {
        const money = fee[name]
        return money === undefined ? [] : [[`${at}/${name}`, money] as const]
      })
    case 'tiers':
      return fee.tiers.flatMap(({ from, fee: of }, index) => [
        [`${at}/tiers/${index}/from`, from] as const,
        ...moniesIn(of, `${at}/tiers/${index}/fee`),
      ])
  }
}

function unsoundRate(fee: SimpleFee, at: string): Unsound | null {
  if (fee.kind === 'flat') readAmount(fee.amount, `${at}/amount`)
  if (fee.kind !== 'rate') return null
  const least = fee.least === undefined ? null : readAmount(fee.least, `${at}/least`)
  const most = fee.most === undefined ? null : readAmount(fee.most, `${at}/most`)
  if (least === null || most === null || compareMoney(least, most) <= 0) return null
  return { pointer: `${at}/most`, detail: 'is less than `least`' }
}

/** Tiers begin at nothing and go up, so that each amount has exactly one. */
function unsoundTiers(tiers: readonly { readonly from: WireMoney; readonly fee: SimpleFee }[]): Unsound | null {
  let before: Money | null = null
  for (const [index, { from: wire, fee }] of tiers.entries()) {
    const at = `/fee/tiers/${index}`
    const from = readLimit(wire, `${at}/from`)
    if (before === null ? from.minor !== 0n : compareMoney(from, before) <= 0) {
      return { pointer: `${at}/from`, detail: before === null ? 'is not zero' : 'is not above the tier before' }
    }
    before = from
    const unsound = unsoundRate(fee, `${at}/fee`)
    if (unsound !== null) return unsound
  }
  return null
}
