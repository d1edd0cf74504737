import { assert } from '../../kernel/assert.ts'
import { type Money, parseMoney, type WireMoney } from '../../kernel/money.ts'

type Part =
  | { readonly kind: 'none' }
  | { readonly kind: 'flat'; readonly amount: WireMoney }
  /** A hundredth of a percent for each; within `least` and `most`, where they are said. */
  | { readonly kind: 'rate'; readonly basisPoints: number; readonly least?: WireMoney; readonly most?: WireMoney }

/** What a transfer costs by its amount, as a product says it. Of `tiers` the last one that begins at or below the amount holds. */
export type FeeFormula =
  | Part
  | { readonly kind: 'tiers'; readonly tiers: readonly { readonly from: WireMoney; readonly fee: Part }[] }

const BASIS_POINTS_IN_ONE = 10_000n

/** The fee in minor units, rounded up to a whole one; 0 where nothing is charged. Integers only. */
export function feeOn(formula: FeeFormula, amount: Money): bigint {
  switch (formula.kind) {
    case 'none':
      return 0n
    case 'flat':
      return minorOf(formula.amount)
    case 'rate': {
      const product = amount.minor * BigInt(formula.basisPoints)
      const fee = (product + BASIS_POINTS_IN_ONE - 1n) / BASIS_POINTS_IN_ONE
      const least = formula.least === undefined ? 0n : minorOf(formula.least)
      const most = formula.most === undefined ? null : minorOf(formula.most)
      const raised = fee < least ? least : fee
      return most !== null && raised > most ? most : raised
    }
    case 'tiers': {
      const tier = formula.tiers.findLast(({ from }) => minorOf(from) <= amount.minor)
      return tier === undefined ? 0n : feeOn(tier.fee, amount)
    }
  }
}

function minorOf(wire: WireMoney): bigint {
  const amount = parseMoney(wire)
  assert(typeof amount !== 'string' && amount.minor >= 0n, 'what a product says of money was checked when it was said')
  return amount.minor
}
