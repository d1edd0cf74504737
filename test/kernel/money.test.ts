import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  add,
  CURRENCIES,
  type Currency,
  compareMoney,
  formatMinor,
  MINOR_MAX,
  money,
  parseMoney,
  scaleOf,
  toWire,
} from '../../src/kernel/money.ts'

const currency = fc.constantFrom(...CURRENCIES)
const minor = fc.bigInt({ min: -MINOR_MAX, max: MINOR_MAX })

describe('money', () => {
  test('what is written is read back, for every currency and amount', () => {
    fc.assert(
      fc.property(currency, minor, (unit, amount) => {
        assert.deepEqual(parseMoney(toWire(money(unit, amount))), money(unit, amount))
      }),
    )
  })

  test('a text that is read is written the same: there is one spelling of each amount', () => {
    const text = fc.oneof(fc.stringMatching(/^-?[0-9]{1,22}(\.[0-9]{0,4})?$/), fc.string())
    fc.assert(
      fc.property(currency, text, (unit, value) => {
        const parsed = parseMoney({ currency: unit, value })
        if (typeof parsed === 'string') return
        assert.equal(formatMinor(parsed), parsed.minor === 0n ? value.replace('-', '') : value)
      }),
    )
  })

  const faults: Record<string, readonly [Currency | string, string]> = {
    unknown_currency: ['XXX', '1.00'],
    too_large: ['CNY', '10000000000000000.01'],
  }
  for (const [fault, [unit, value]] of Object.entries(faults))
    test(`${value} ${unit} is ${fault}`, () => assert.equal(parseMoney({ currency: unit, value }), fault))

  test('other spellings are malformed', () => {
    for (const value of ['', '1e2', '+1.00', '01.00', '.50', '1.', '1,00', ' 1.00', '1.00 ', 'NaN', '0x10', '１.00'])
      assert.equal(parseMoney({ currency: 'CNY', value }), 'malformed', value)
  })

  test("the scale is exactly the currency's", () => {
    for (const [unit, value] of [
      ['CNY', '1'],
      ['CNY', '1.0'],
      ['CNY', '1.000'],
      ['JPY', '1.0'],
      ['KWD', '1.00'],
    ] as const)
      assert.equal(parseMoney({ currency: unit, value }), 'wrong_scale', `${value} ${unit}`)
    assert.deepEqual([scaleOf('JPY'), scaleOf('CNY'), scaleOf('KWD')], [0, 2, 3])
    assert.deepEqual(parseMoney({ currency: 'JPY', value: '100' }), money('JPY', 100n))
    assert.deepEqual(parseMoney({ currency: 'KWD', value: '-0.001' }), money('KWD', -1n))
  })

  test('adding and comparing agree with the integers', () => {
    fc.assert(
      fc.property(minor, minor, (a, b) => {
        assert.equal(add(money('CNY', a), money('CNY', b)).minor, a + b)
        assert.equal(Math.sign(compareMoney(money('CNY', a), money('CNY', b))), a < b ? -1 : a > b ? 1 : 0)
      }),
    )
  })

  test('two currencies are never added or compared', () => {
    assert.throws(() => add(money('CNY', 1n), money('USD', 1n)), { name: 'AssertionFailed' })
    assert.throws(() => compareMoney(money('CNY', 1n), money('USD', 1n)), { name: 'AssertionFailed' })
  })

  test('a name that every object has is no currency', () => {
    for (const name of ['toString', '__proto__', 'constructor', 'cny', ''])
      assert.equal(parseMoney({ currency: name, value: '1.00' }), 'unknown_currency', name)
  })
})
