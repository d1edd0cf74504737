import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { money } from '../../../src/kernel/money.ts'
import { bodyValue } from '../../../src/policy/conditions/body-value.ts'
import { CelMoney } from '../../../src/policy/conditions/cel-money.ts'

describe('a body as conditions see it', () => {
  const cases: Record<string, readonly [json: unknown, value: unknown]> = {
    'an integer is an int': [7, 7n],
    'a fraction is a double': [1.5, 1.5],
    'a number too large to be exact is a double': [1e300, 1e300],
    'a text, a truth and nothing are what they are': [
      ['a', true, null],
      ['a', true, null],
    ],
    'money is Money, wherever it stands': [
      { items: [{ amount: { currency: 'CNY', value: '12.50' } }] },
      new Map([['items', [new Map([['amount', new CelMoney(money('CNY', 1_250n))]])]]]),
    ],
    'an amount of the wrong scale stays as it is': [
      { currency: 'CNY', value: '1.234' },
      new Map([
        ['currency', 'CNY'],
        ['value', '1.234'],
      ]),
    ],
    'an amount in no currency we know stays as it is': [
      { currency: 'XXX', value: '1' },
      new Map([
        ['currency', 'XXX'],
        ['value', '1'],
      ]),
    ],
    'an object with more to it than money is an object': [
      { currency: 'CNY', value: '1.00', fee: 1 },
      new Map<string, unknown>([
        ['currency', 'CNY'],
        ['value', '1.00'],
        ['fee', 1n],
      ]),
    ],
  }
  for (const [what, [json, value]] of Object.entries(cases)) {
    test(what, () => assert.deepEqual(bodyValue(json), value))
  }
})
