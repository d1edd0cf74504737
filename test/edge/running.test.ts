import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRunning } from '../../src/edge/running.ts'
import { Problem } from '../../src/kernel/problem.ts'

const isFull = (rule: string) => (error: unknown) => {
  return error instanceof Problem && error.code === 'overloaded' && error.extras.rule === rule
}

test('a route has so many places, and of those each principal so many; a place is given back once', () => {
  const running = createRunning()
  const route = { id: 'pay', runningMax: 3, runningPerPrincipalMax: 2 }
  const [first] = [running.enter(route, 'alice'), running.enter(route, 'alice')]
  assert.throws(() => running.enter(route, 'alice'), isFull('route/pay/principal'))
  running.enter(route, 'bob')
  assert.throws(() => running.enter(route, 'carol'), isFull('route/pay'))
  first.release()
  first.release()
  running.enter(route, 'alice')
  assert.throws(() => running.enter(route, 'carol'), isFull('route/pay'))
})

test('a route without limits takes everyone', () => {
  const running = createRunning()
  for (let n = 0; n < 100; n++) running.enter({ id: 'free', runningMax: null, runningPerPrincipalMax: null }, 'alice')
})
