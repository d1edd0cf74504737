import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Instant } from '../../../src/kernel/clock.ts'
import { MINOR_MAX } from '../../../src/kernel/money.ts'
import { exceededBy, type Spent, spentWith } from '../../../src/services/cash-flow/limits.ts'

const NOW = Date.parse('2026-03-01T12:00:00Z') as Instant
const day = { from: (NOW - 3_600_000) as Instant, until: (NOW + 3_600_000) as Instant }
const PERIODS = { day, month: day }
const NO_LIMITS = { perTransfer: null, perDay: null, perMonth: null }
const BIGINT_MAX = 2n ** 63n - 1n

test('where no product sets a limit, what is counted is refused before it is more than can be kept', () => {
  let spent: Spent | null = null
  let times = 0
  while (exceededBy(MINOR_MAX, NO_LIMITS, spent, PERIODS) === null) {
    spent = spentWith(MINOR_MAX, spent, PERIODS, NOW)
    times += 1
    assert.ok(spent.month.minor <= BIGINT_MAX && spent.day.minor <= BIGINT_MAX)
  }
  assert.equal(times, 9)
  assert.equal(exceededBy(MINOR_MAX, NO_LIMITS, spent, PERIODS)?.limit, 'perMonth')
})
