import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { textBuffer } from '../../src/edge/text-buffer.ts'

test('a text buffer gives back what was added, as UTF-8, however much it is, batch after batch', () => {
  const text = fc.string({ unit: 'binary', maxLength: 50 })
  fc.assert(
    fc.property(fc.array(fc.array(text, { maxLength: 20 }), { maxLength: 5 }), fc.nat(100), (batches, bytesUsual) => {
      const buffer = textBuffer(bytesUsual)
      for (const batch of batches) {
        for (const each of batch) buffer.add(each)
        const whole = Buffer.concat(batch.map((each) => Buffer.from(each)))
        assert.equal(buffer.size(), whole.length)
        assert.deepEqual(buffer.take(), whole)
        assert.equal(buffer.size(), 0)
      }
    }),
  )
})
