import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { turnClock } from '../../src/edge/turn-clock.ts'
import { type Instant, manualClock } from '../../src/kernel/clock.ts'

test('a clock stands still while work goes on, however many promises it waits for, and no longer', async () => {
  const real = manualClock(1_000 as Instant)
  const clock = turnClock(real)
  await nextTurn()
  assert.equal(clock.now(), 1_000)
  for (let step = 0; step < 3; step++) {
    real.advance(1)
    await undefined
    assert.equal(clock.now(), 1_000)
  }
  await nextTurn()
  assert.equal(clock.now(), 1_003)
  real.advance(1)
  await new Promise(process.nextTick)
  assert.equal(clock.now(), 1_004)
})
