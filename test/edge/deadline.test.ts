import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leftOf } from '../../src/edge/deadline.ts'
import type { Trail } from '../../src/edge/exchange.ts'
import type { Route } from '../../src/edge/route-table.ts'

test('what is left of a budget is a whole number of milliseconds, as timers and the header take it', () => {
  const trail = { startedAt: Date.now(), bodyMs: 3.4567 } as unknown as Trail
  const left = leftOf({ budgetMs: 8_000 } as Route, trail, 60_000)
  assert.ok(Number.isInteger(left) && left > 0 && left <= 8_004, `${left}`)
  assert.equal(leftOf({ budgetMs: null } as Route, trail, 60_000), 60_000)
})
