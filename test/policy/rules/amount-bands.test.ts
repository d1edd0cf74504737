import { equal } from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { money } from '../../../src/kernel/money.ts'
import { amountBands } from '../../../src/policy/rules/amount-bands.ts'

it('A band has an amount if and only if they share a number', () => {
  const bound = fc.option(fc.bigInt(0n, 20n))
  const currency = fc.constantFrom('CNY' as const, 'USD' as const)
  const band = fc.record({ currency, from: bound, below: bound })
  fc.assert(
    fc.property(fc.array(band, { maxLength: 20 }), currency, fc.bigInt(0n, 21n), (bands, currency, minor) => {
      const index = amountBands(bands)
      const numbers = index.ofAmount(money(currency, minor))
      for (const { from, below, ...band } of bands) {
        const has = band.currency === currency && (from ?? 0n) <= minor && minor < (below ?? 22n)
        const shares = index.ofBand({ ...band, from, below }).some((number) => numbers.includes(number))
        equal(shares, has)
      }
    }),
    { numRuns: 1_000 },
  )
})
