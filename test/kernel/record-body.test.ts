import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { elementOf, RecordBody } from '../../src/kernel/record-body.ts'

test('what is written by columns is read as rows, whatever text it holds', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', 'NULL', 'null', 'a,b', '"', '\\', '{}', ' a '),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.option(text)), { minLength: 1 }), (rows) => {
      const name = rows.map(([value]) => elementOf(value)).join(',')
      const note = rows.map(([, value]) => (value === null ? 'NULL' : elementOf(value))).join(',')
      const body = new RecordBody(JSON.stringify({ thing: { rows: rows.length, name, note } }))
      assert.equal(body.count('thing'), rows.length)
      assert.deepEqual(
        body.rows('thing', { at: 'noon' }),
        rows.map(([value, other]) => ({ name: value, note: other, at: 'noon' })),
      )
    }),
  )
})

test('what older records have row by row is read as it is', () => {
  const body = new RecordBody('{"thing":[{"name":"a","at":"noon"},{"name":"b","at":"noon"}]}')
  assert.equal(body.count('thing'), 2)
  assert.equal(body.count('other'), 0)
  assert.deepEqual(body.rows('thing', { at: 'never' })[1], { name: 'b', at: 'noon' })
})
