import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fromRfc3339, type Instant, manualClock, systemClock, toRfc3339 } from '../../src/kernel/clock.ts'

describe('time', () => {
  test('what is written is read back to the millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
        assert.equal(fromRfc3339(toRfc3339(ms as Instant)), ms)
      }),
    )
  })

  test('offsets and lower-case letters are read', () => {
    assert.equal(fromRfc3339('2026-01-01T08:00:00+08:00'), Date.UTC(2026, 0, 1))
    assert.equal(fromRfc3339('2026-01-01t00:00:00.5z'), Date.UTC(2026, 0, 1) + 500)
  })

  test('what is no RFC 3339 time is not guessed at', () => {
    for (const text of [
      '2026-01-01',
      '2026-01-01T00:00:00',
      '2026-13-01T00:00:00Z',
      '1 Jan 2026',
      '',
      '0',
      ' 2026-01-01T00:00:00Z',
    ])
      assert.equal(fromRfc3339(text), null, text)
  })

  test('a manual clock moves when it is told, the system clock by itself', () => {
    const clock = manualClock(5 as Instant)
    assert.equal(clock.now(), 5)
    clock.advance(10)
    assert.equal(clock.now(), 15)
    assert.ok(Math.abs(systemClock.now() - Date.now()) < 1_000)
  })
})
