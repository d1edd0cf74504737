import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type JsonFault, parseStrictJson } from '../../src/kernel/strict-json.ts'

const LIMITS = { depthMax: 4, keysMax: 10 }
const parse = (text: string | Uint8Array, limits = LIMITS) => parseStrictJson(Buffer.from(text), limits)

describe('strict JSON', () => {
  test('what it takes is what JSON.parse makes of it', () => {
    const wide = { depthMax: 100, keysMax: 100_000 }
    const key = fc.string().filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name))
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string(),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value')),
        fc.dictionary(key, tie('value')),
      ),
    }))
    fc.assert(
      fc.property(value, fc.constantFrom(0, 2), (sample, indent) => {
        const text = JSON.stringify(sample, null, indent)
        assert.deepEqual(parse(text, wide), { value: JSON.parse(text) })
      }),
    )
  })

  const faults: Record<string, readonly [JsonFault['kind'], string | Uint8Array]> = {
    'bytes that are not UTF-8': ['encoding', Buffer.from([0x22, 0xff, 0x22])],
    'an overlong encoding': ['encoding', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    'a byte order mark': ['encoding', '\u{FEFF}{}'],
    'UTF-16': ['syntax', Buffer.from('{}', 'utf16le')],
    nothing: ['syntax', ''],
    'a comment': ['syntax', '{} // x'],
    'a trailing comma': ['syntax', '[1,]'],
    'two values': ['syntax', '{} {}'],
    'a NaN': ['syntax', 'NaN'],
    'a key twice': ['duplicate_key', '{"a":1,"a":2}'],
    'a key twice, once escaped': ['duplicate_key', '{"a":1,"\\u0061":2}'],
    'a key twice, far apart and nested': ['duplicate_key', '[{"b":{"a":[],"c":"}","a":1}}]'],
    __proto__: ['forbidden_key', '{"__proto__":{}}'],
    '__proto__ in escapes': ['forbidden_key', '{"\\u005f_proto__":{}}'],
    'constructor, nested': ['forbidden_key', '{"a":[{"constructor":{}}]}'],
    'five levels': ['too_deep', '[[[[[]]]]]'],
    'eleven keys': ['too_many_keys', JSON.stringify(Array.from({ length: 11 }, () => ({ a: 1 })))],
  }
  for (const [what, [kind, text]] of Object.entries(faults)) {
    test(`${what} is refused as ${kind}`, () => {
      const parsed = parse(text)
      assert.equal('kind' in parsed && parsed.kind, kind)
    })
  }

  test('the same key in two objects, and keys in texts, are fine', () => {
    for (const text of [
      '[{"a":1},{"a":2}]',
      '{"a":"{\\"a\\":1,\\"a\\":2}"}',
      '{"a":["a","a"]}',
      '["__proto__"]',
      '[[[[]]]]',
    ])
      assert.deepEqual(parse(text), { value: JSON.parse(text) }, text)
  })
})
