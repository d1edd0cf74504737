import assert from 'node:assert/strict'
import { test } from 'node:test'
import { versionChoiceOf } from '../../src/platform/as-of.ts'

test('asOf is a version, a time in any zone, or the newest', () => {
  assert.equal(versionChoiceOf(undefined), 'newest')
  assert.deepEqual(versionChoiceOf('12'), { version: 12 })
  assert.deepEqual(versionChoiceOf('2026-01-02T03:04:05Z'), { at: Date.UTC(2026, 0, 2, 3, 4, 5) })
  assert.deepEqual(versionChoiceOf('2026-01-02T03:04:05.250+08:00'), { at: Date.UTC(2026, 0, 1, 19, 4, 5, 250) })
})

test('asOf that is neither is refused', () => {
  for (const text of [
    '',
    'now',
    '2026-01-02',
    '1767323045000',
    '-1',
    '1.5',
    '2026-13-02T03:04:05Z',
    '2026-01-02 03:04:05Z',
  ]) {
    assert.throws(() => versionChoiceOf(text), { code: 'validation_failed' }, text)
  }
})
