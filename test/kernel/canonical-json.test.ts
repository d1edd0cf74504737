import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson, contentDigest, type Json, sha256 } from '../../src/kernel/canonical-json.ts'

describe('canonical JSON (RFC 8785)', () => {
  test('the example of section 3.2.2', () => {
    const value = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],' +
        String.raw`"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
    ) as Json
    const expected =
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      String.raw`"string":"€$\u000f\nA'B\"\\\\\"/"}`
    assert.equal(canonicalJson(value), expected)
  })

  test('the example of section 3.2.3: keys are sorted by UTF-16 code units', () => {
    const value = {
      '\u20ac': 'Euro',
      '\r': 'CR',
      '\ufb33': 'Dagesh',
      '1': 'One',
      '\u{1f600}': 'Smile',
      '\u0080': 'C',
      ö: 'O',
    }
    const keys = Object.keys(JSON.parse(canonicalJson(value)) as object)
    assert.deepEqual(canonicalJson(value).match(/"(CR|One|C|O|Euro|Smile|Dagesh)"/g), [
      '"CR"',
      '"One"',
      '"C"',
      '"O"',
      '"Euro"',
      '"Smile"',
      '"Dagesh"',
    ])
    assert.equal(keys.length, 7)
  })

  test('numbers of appendix B', () => {
    const numbers: [number, string][] = [
      [-0, '0'],
      [5e-324, '5e-324'],
      [-1.7976931348623157e308, '-1.7976931348623157e+308'],
      [9007199254740992, '9007199254740992'],
      [295147905179352830000, '295147905179352830000'],
      [1e21, '1e+21'],
      [1e-7, '1e-7'],
    ]
    for (const [number, text] of numbers) assert.equal(canonicalJson(number), text)
  })

  test('the order in which keys were written does not matter, and the value is kept', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })), (object) => {
        const value = object as { [key: string]: Json }
        const turned = Object.fromEntries(Object.entries(value).reverse())
        assert.equal(canonicalJson(value), canonicalJson(turned))
        assert.equal(canonicalJson(JSON.parse(canonicalJson(value)) as Json), canonicalJson(value))
      }),
    )
  })

  test('keys that are undefined are left out; numbers that JSON has not are our bug', () => {
    assert.equal(canonicalJson({ a: undefined, b: 1 }), '{"b":1}')
    for (const number of [Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => canonicalJson(number), { name: 'AssertionFailed' })
  })

  test('a digest names the content', () => {
    assert.equal(contentDigest({}), `sha256:${sha256('{}')}`)
    assert.equal(sha256('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })
})
