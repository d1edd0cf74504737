import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bodyType } from '../../../src/policy/conditions/body-type.ts'

const object = (properties: object) => ({ type: 'object', properties, additionalProperties: false })
const MONEY = object({ currency: { type: 'string' }, value: { type: 'string' } })

describe('the type of a body is read from its JSON Schema', () => {
  const cases: Record<string, readonly [schema: object, type: unknown]> = {
    'a text': [{ type: 'string', pattern: '^acc_' }, 'string'],
    'one of some words': [{ enum: ['CNY', 'EUR'] }, 'string'],
    'one word': [{ const: 'CNY' }, 'string'],
    'words and others': [{ enum: ['CNY', null] }, 'dyn'],
    'true or false': [{ type: 'boolean' }, 'bool'],
    'an integer': [{ type: 'integer', minimum: 0 }, 'int'],
    'a number, which JSON writes as an integer too': [{ type: 'number' }, 'dyn'],
    'a list': [{ type: 'array', items: { type: 'string' } }, { items: 'string' }],
    'a list of anything': [{ type: 'array' }, { items: 'dyn' }],
    'money in the shape it has on the wire': [MONEY, 'Money'],
    'money with more to it, which is an object': [
      object({ ...MONEY.properties, note: { type: 'string' } }),
      { fields: { currency: 'string', value: 'string', note: 'string' } },
    ],
    'an object': [object({ to: { type: 'string' }, amount: MONEY }), { fields: { to: 'string', amount: 'Money' } }],
    'an object of unknown fields': [{ type: 'object' }, 'map<string, dyn>'],
    'several types': [{ type: ['string', 'null'] }, 'dyn'],
    alternatives: [{ anyOf: [{ type: 'string' }] }, 'dyn'],
    'anything at all': [{}, 'dyn'],
    'what a reference points to': [
      { ...object({ amount: { $ref: '#/components/schemas/Money' } }), components: { schemas: { Money: MONEY } } },
      { fields: { amount: 'Money' } },
    ],
    'a reference into nothing': [object({ a: { $ref: '#/components/schemas/Gone' } }), { fields: { a: 'dyn' } }],
    'a reference to another document': [{ $ref: 'other.json' }, 'dyn'],
  }
  for (const [what, [schema, type]] of Object.entries(cases)) {
    test(what, () => assert.deepEqual(bodyType(schema as Readonly<Record<string, unknown>>), type))
  }

  test('a schema that holds itself ends in a body of any kind', () => {
    const node = object({ next: { $ref: '#/components/schemas/Node' } })
    let type = bodyType({ ...node, components: { schemas: { Node: node } } })
    let depth = 0
    for (; typeof type === 'object' && 'fields' in type; depth++) type = type.fields['next'] ?? 'string'
    assert.equal(type, 'dyn')
    assert.ok(depth > 1 && depth < 100)
  })
})
