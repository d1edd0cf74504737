import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { entityTag, expectedVersion } from '../../src/platform/if-match.ts'

test('the tag of a version expects that version', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000_000_000 }), (version) => {
      assert.equal(expectedVersion(entityTag(version)), version)
    }),
  )
})

test('no header and a star expect nothing', () => {
  assert.equal(expectedVersion(undefined), null)
  assert.equal(expectedVersion('*'), null)
})

test('a strong tag that was never given out expects a version that no record has', () => {
  for (const tag of ['"abc"', '""', '"01"', '"0"', '"-1"', '"1.0"', '"9999999999999999"']) {
    assert.equal(expectedVersion(tag), 0, tag)
  }
})

test('weak tags, lists and bare text are refused', () => {
  for (const tag of ['W/"1"', '"1","2"', '"1", "2"', '1', '"1', '', '**', '"1" *', '"a b"']) {
    assert.throws(() => expectedVersion(tag), { code: 'validation_failed' }, tag)
  }
})
