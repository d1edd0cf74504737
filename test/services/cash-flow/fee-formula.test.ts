import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { money } from '../../../src/kernel/money.ts'
import { type FeeFormula, feeOn } from '../../../src/services/cash-flow/fee-formula.ts'

const wire = (value: string) => ({ currency: 'CNY', value })
const on = (formula: FeeFormula, minor: bigint) => feeOn(formula, money('CNY', minor))

describe('what a transfer costs', () => {
  test('is nothing, or the same each time', () => {
    assert.equal(on({ kind: 'none' }, 100n), 0n)
    assert.equal(on({ kind: 'flat', amount: wire('1.50') }, 100n), 150n)
  })

  test('is a rate, rounded up to a minor unit, within what it is at least and at most', () => {
    const rate: FeeFormula = { kind: 'rate', basisPoints: 25, least: wire('0.10'), most: wire('5.00') }
    assert.deepEqual(
      [1n, 4_000n, 4_001n, 100_000n, 1_000_000n].map((minor) => on(rate, minor)),
      [10n, 10n, 11n, 250n, 500n],
    )
  })

  test('is that of the last tier that begins at or below the amount', () => {
    const tiers: FeeFormula = {
      kind: 'tiers',
      tiers: [
        { from: wire('0.00'), fee: { kind: 'none' } },
        { from: wire('100.00'), fee: { kind: 'flat', amount: wire('1.00') } },
        { from: wire('1000.00'), fee: { kind: 'rate', basisPoints: 10 } },
      ],
    }
    assert.deepEqual(
      [9_999n, 10_000n, 99_999n, 100_000n].map((minor) => on(tiers, minor)),
      [0n, 100n, 100n, 100n],
    )
  })

  test('is never more than a minor unit off the rate, nor less than it, whatever the amount', () => {
    const amounts = fc.bigInt({ min: 1n, max: 10n ** 18n })
    fc.assert(
      fc.property(amounts, fc.integer({ min: 1, max: 10_000 }), (minor, basisPoints) => {
        const fee = on({ kind: 'rate', basisPoints }, minor)
        const exact = minor * BigInt(basisPoints) // in ten-thousandths
        assert.ok(fee * 10_000n >= exact && fee * 10_000n < exact + 10_000n)
      }),
    )
  })
})
