import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIdempotencyKey } from '../../src/kernel/idempotency-key.ts'

test('a key is the same bare or quoted', () => {
  for (const header of ['order-7', '"order-7"']) {
    assert.deepEqual(parseIdempotencyKey(header), { kind: 'key', key: 'order-7' })
  }
  assert.deepEqual(parseIdempotencyKey('"a\\"b\\\\c"'), { kind: 'key', key: 'a"b\\c' })
  assert.deepEqual(parseIdempotencyKey('a\\b'), { kind: 'key', key: 'a\\b' })
})

test('a key is 1 to 255 visible ASCII characters', () => {
  assert.equal(parseIdempotencyKey('x'.repeat(255)).kind, 'key')
  const malformed = [
    '',
    '""',
    'x'.repeat(256),
    `"${'x'.repeat(256)}"`,
    'a b',
    '"a b"',
    'é',
    'a\tb',
    '"a',
    '"a"b"',
    '"a\\x"',
  ]
  for (const header of malformed) assert.deepEqual(parseIdempotencyKey(header), { kind: 'malformed' }, header)
})

test('no header is told apart from two of them, which arrive joined', () => {
  assert.deepEqual(parseIdempotencyKey(undefined), { kind: 'missing' })
  for (const header of ['a, b', '"a", "b"', ['a', 'b']]) {
    assert.deepEqual(parseIdempotencyKey(header), { kind: 'malformed' })
  }
})
