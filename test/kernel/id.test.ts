import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { asId, derivedId, idPattern, isId, newId } from '../../src/kernel/id.ts'
import { operationIdOf, transferIdOf } from '../../src/kernel/operation-id.ts'

describe('ids', () => {
  test('a new id has the form of its kind and of no other', () => {
    const id = newId('transfer')
    assert.match(id, /^trf_[0-9a-hjkmnp-tv-z]{26}$/)
    assert.ok(isId('transfer', id) && !isId('account', id))
    assert.match(id, new RegExp(idPattern('transfer')))
  })

  test('new ids sort by the time they were made', () => {
    const time = fc.integer({ min: 0, max: 2 ** 48 - 1 })
    fc.assert(
      fc.property(time, time, (a, b) => {
        if (a < b) assert.ok(newId('event', a) < newId('event', b))
      }),
    )
  })

  test('ten thousand made at once differ', () => {
    assert.equal(new Set(Array.from({ length: 10_000 }, () => newId('event', 0))).size, 10_000)
  })

  test('a derived id is named by its parts alone, wherever one part ends and the next begins', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        assert.equal(derivedId('operation', a, b), derivedId('operation', a, b))
        if (b !== '') assert.notEqual(derivedId('operation', a + b, ''), derivedId('operation', a, b))
      }),
    )
    assert.notEqual(derivedId('operation', 'a').slice(3), derivedId('transfer', 'a').slice(4))
  })

  test('a derived id is what it always was: others have it kept', () => {
    assert.equal(derivedId('transfer', 'mem_alice', 'k'), 'trf_mvxvx95a1sp9b6j4yszawfzs7g')
    assert.equal(newId('settlementBatch', 2 ** 48 - 1).slice(0, 13), 'stb_zzzzzzzzz')
  })

  test('member and key name an operation and its transfer', () => {
    assert.equal(operationIdOf('mem_alice', 'k'), operationIdOf('mem_alice', 'k'))
    assert.notEqual(operationIdOf('mem_alice', 'k'), operationIdOf('mem_bob', 'k'))
    assert.ok(isId('transfer', transferIdOf('mem_alice', 'k')))
  })

  test('what is no id is not taken for one', () => {
    for (const text of ['', 'acc_', 'acc_a b', 'acc_ä', `acc_${'x'.repeat(65)}`, 'ACC_a', 'acc-a', 'acc_a\n', 'mem_a'])
      assert.equal(isId('account', text), false, text)
    assert.throws(() => asId('account', 'mem_a'), { name: 'AssertionFailed' })
    assert.equal(asId('account', 'acc_alice'), 'acc_alice')
  })
})
