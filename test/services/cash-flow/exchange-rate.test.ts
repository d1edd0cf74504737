import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CURRENCIES, money, scaleOf } from '../../../src/kernel/money.ts'
import { convert, parseRate } from '../../../src/services/cash-flow/exchange-rate.ts'

const rateText = fc
  .tuple(fc.integer({ min: 0, max: 999_999_999 }), fc.integer({ min: 1, max: 999_999 }))
  .map(([whole, part]) => `${whole}.${String(part).padStart(6, '0')}`)

test('a rate is a plain decimal number above zero', () => {
  assert.deepEqual(parseRate('7.1234'), { mantissa: 71_234n, digits: 4 })
  assert.deepEqual(parseRate('150'), { mantissa: 150n, digits: 0 })
  for (const text of ['0', '0.000', '-1', '1e3', '.5', '5.', '01', '1,5', '1.1234567890123', '1234567890', '', 'NaN']) {
    assert.equal(parseRate(text), null, text)
  }
})

test('an amount is converted between any scales, rounded down, and what was cut off is one minor unit', () => {
  const rate = (text: string) => parseRate(text) ?? assert.fail(text)
  assert.deepEqual(convert(money('USD', 10_000n), 'CNY', rate('7.1234')), {
    received: money('CNY', 71_234n),
    residue: money('CNY', 0n),
  })
  assert.deepEqual(convert(money('USD', 1n), 'CNY', rate('7.1299')), {
    received: money('CNY', 7n),
    residue: money('CNY', 1n),
  })
  assert.deepEqual(convert(money('USD', 199n), 'JPY', rate('150.5')).received, money('JPY', 299n))
  assert.deepEqual(convert(money('JPY', 1n), 'KWD', rate('0.002')).received, money('KWD', 2n))
})

test('nobody gets more than the rate gives, and with what was cut off it is less than one minor unit more', () => {
  const amounts = fc.bigInt({ min: 1n, max: 10n ** 15n })
  fc.assert(
    fc.property(
      amounts,
      rateText,
      fc.constantFrom(...CURRENCIES),
      fc.constantFrom(...CURRENCIES),
      (minor, text, from, to) => {
        const rate = parseRate(text) ?? assert.fail(text)
        const { received, residue } = convert(money(from, minor), to, rate)
        const exact = minor * rate.mantissa * 10n ** BigInt(scaleOf(to)) // over `unit`
        const unit = 10n ** BigInt(rate.digits + scaleOf(from))
        assert.ok(received.minor * unit <= exact)
        assert.ok((received.minor + residue.minor) * unit >= exact)
        assert.ok((received.minor + residue.minor) * unit < exact + unit)
      },
    ),
  )
})
