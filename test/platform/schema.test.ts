import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type TSchema, Type } from 'typebox'
import { compileSchema } from '../../src/platform/schema.ts'

describe('a compiled schema', () => {
  test('says where the first fault is', () => {
    const check = compileSchema(Type.Object({ 'a/b': Type.Integer() }, { additionalProperties: false }))
    assert.deepEqual(check({ 'a/b': 1 }), { ok: true, value: { 'a/b': 1 } })
    assert.deepEqual(check({}), { ok: false, faults: [{ pointer: '/a~1b', detail: 'required field is missing' }] })
    assert.deepEqual(check({ 'a/b': 1, c: 2 }), { ok: false, faults: [{ pointer: '/c', detail: 'unknown field' }] })
  })

  test('is refused where it is no schema', () => {
    for (const none of [
      { type: 'strng' },
      { maximum: '3' },
      { properties: { a: { required: 'b' } } },
      { $schema: 'x' },
    ])
      assert.throws(() => compileSchema(none as TSchema), JSON.stringify(none))
  })

  test('has names of its own: two schemas may share an `$id`', () => {
    const [text, number] = [
      compileSchema({ ...Type.String(), $id: 'x' }),
      compileSchema({ ...Type.Number(), $id: 'x' }),
    ]
    assert.deepEqual([text('a').ok, number('a').ok], [true, false])
  })
})
