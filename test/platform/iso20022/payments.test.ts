import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { money } from '../../../src/kernel/money.ts'
import { fittingInOneFile } from '../../../src/platform/iso20022/payments.ts'
import { paymentFile } from '../../support/payment-files.ts'

const MOST = 999_999_999_999_999_999n

test('what fits in one file are the first payments, as many as it may have; it can be written, and one more could not', () => {
  const minor = fc.oneof(fc.bigInt(1n, 1_000n), fc.bigInt(MOST / 3n, MOST))
  fc.assert(
    fc.property(fc.array(minor, { minLength: 1, maxLength: 8 }), (minors) => {
      const all = minors.map((each, at) => ({ id: `pay_${at}`, amount: money('CNY', each) }))
      const fitting = fittingInOneFile(all)
      assert.deepEqual(fitting, all.slice(0, fitting.length))
      assert.ok(fitting.length > 0)
      const written = (payments: typeof all) =>
        paymentFile('file_1', ...payments.map(({ id, amount }) => [id, amount] as const))
      written([...fitting])
      if (fitting.length < all.length) assert.throws(() => written(all.slice(0, fitting.length + 1)), /CtrlSum/)
    }),
    { numRuns: 50 },
  )
  const small = Array.from({ length: 1_001 }, () => ({ amount: money('CNY', 1n) }))
  assert.equal(fittingInOneFile(small).length, 1_000)
})
