import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { atTurnsEnd } from '../../src/edge/turn-end.ts'

test('what goes out in a turn leaves at its end, after all that was waiting, in order', async () => {
  const left: number[] = []
  atTurnsEnd(() => left.push(1))
  await Promise.resolve()
  atTurnsEnd(() => left.push(2))
  assert.deepEqual(left, [])
  await nextTurn()
  assert.deepEqual(left, [1, 2])
})

test('what goes out while others leave has the next turn', async () => {
  const left: number[] = []
  atTurnsEnd(() => {
    left.push(1)
    atTurnsEnd(() => left.push(2))
  })
  await nextTurn()
  assert.deepEqual(left, [1])
  await nextTurn()
  assert.deepEqual(left, [1, 2])
})
