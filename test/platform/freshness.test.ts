import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createFreshness } from '../../src/platform/freshness.ts'

const HOUR_MS = 3_600_000

describe('what is known of something elsewhere', () => {
  test('is stale before it was ever confirmed, and when the confirmation is too old', async () => {
    const freshness = createFreshness(HOUR_MS, 1)
    assert.deepEqual([freshness.isStale(), freshness.ageMs()], [true, Number.POSITIVE_INFINITY])
    freshness.confirm(performance.now() - 2 * HOUR_MS)
    assert.deepEqual([freshness.isStale(), await freshness.await()], [true, false])
    freshness.confirm(performance.now())
    assert.deepEqual([freshness.isStale(), await freshness.await()], [false, true])
  })

  test('is not made older by an answer that comes out of order', () => {
    const freshness = createFreshness(HOUR_MS, 1)
    freshness.confirm(performance.now())
    freshness.confirm(0)
    assert.equal(freshness.isStale(), false)
  })

  test('is waited for while it is late, by however many', async () => {
    const freshness = createFreshness(HOUR_MS, HOUR_MS)
    const asked = Promise.all([freshness.await(), freshness.await()])
    freshness.confirm(performance.now())
    assert.deepEqual(await asked, [true, true])
  })
})
