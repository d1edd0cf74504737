import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CURRENCIES, money, toWire } from '../../src/kernel/money.ts'
import { Problem } from '../../src/kernel/problem.ts'
import { checkOf } from '../../src/platform/schema.ts'
import { line, MoneyShape, readAmount } from '../../src/platform/wire.ts'

test('every amount above zero is read back from its wire form', () => {
  fc.assert(
    fc.property(fc.constantFrom(...CURRENCIES), fc.bigInt(1n, 10n ** 18n), (currency, minor) => {
      const wire = toWire(money(currency, minor))
      assert.ok(checkOf(MoneyShape)(wire).ok)
      assert.deepEqual(readAmount(wire, '/amount'), { currency, minor })
    }),
    { numRuns: 50 },
  )
})

test('an amount that is none is refused with the field that holds it', () => {
  const refused: readonly [currency: string, value: string, why: RegExp][] = [
    ['XXX', '1.00', /currency/],
    ['CNY', '1.5', /decimals/],
    ['JPY', '1.00', /decimals/],
    ['CNY', '01.00', /plain form/],
    ['CNY', '1e2', /plain form/],
    ['CNY', '0.00', /above zero/],
    ['CNY', '-1.00', /above zero/],
    ['CNY', '10000000000000000.01', /larger/],
  ]
  for (const [currency, value, why] of refused) {
    assert.throws(
      () => readAmount({ currency, value }, '/amount'),
      (thrown) => {
        assert.ok(thrown instanceof Problem)
        assert.equal(thrown.code, 'validation_failed')
        assert.equal(thrown.extras.errors?.[0]?.pointer, '/amount')
        assert.match(thrown.message, why)
        return true
      },
    )
  }
})

test('a line counts Unicode characters and takes no controls and no half of a pair', () => {
  const check = checkOf(line(3))
  for (const text of ['a', '\u{1F600}\u{1F600}\u{1F600}', '水门。', ' ']) assert.ok(check(text).ok, text)
  for (const text of ['', 'abcd', 'a\n', '\u0000', '\u0085', '\ud83d', '\ude00\ud83d']) {
    assert.ok(!check(text).ok, JSON.stringify(text))
  }
})
