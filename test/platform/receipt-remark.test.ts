import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readRemark, remarkHeaders } from '../../src/platform/receipt-remark.ts'

test('any names come back as they were, and are ASCII between', () => {
  const unit = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.string({ maxLength: 20 }))
  fc.assert(
    fc.property(fc.dictionary(fc.string({ maxLength: 10 }), unit, { maxKeys: 3, noNullPrototype: true }), (remark) => {
      const headers = remarkHeaders(remark)
      assert.match(Object.values(headers).join(), /^[\x20-\x7e]*$/)
      assert.deepEqual(readRemark(Object.entries(headers)), remark)
    }),
  )
})

test('what is no remark is none', () => {
  const long = JSON.stringify({ reviewer: 'r'.repeat(2_048) })
  for (const text of ['', '{', '[]', '"rita"', 'null', '{"reviewer":1}', '{"reviewer":{"name":"rita"}}', long])
    assert.equal(readRemark([['tidegate-remark', text]]), null, text.slice(0, 40))
  assert.equal(readRemark([]), null)
})
