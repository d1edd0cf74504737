import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { atTurnsEnd, onceAllArrived } from '../../src/edge/turn-end.ts'

describe('what arrives in a turn', () => {
  test('is worked on together, in order, once everything is read', async () => {
    const worked: number[] = []
    onceAllArrived(() => worked.push(1))
    await Promise.resolve()
    onceAllArrived(() => worked.push(2))
    assert.deepEqual(worked, [])
    await nextTurn()
    assert.deepEqual(worked, [1, 2])
  })

  test('goes on together: at each await, all reach it before one goes on', async () => {
    const steps: string[] = []
    const work = async (name: string): Promise<void> => {
      for (const step of ['first', 'second', 'third']) {
        steps.push(`${step} ${name}`)
        await undefined
      }
    }
    onceAllArrived(() => void work('a'))
    onceAllArrived(() => void work('b'))
    await nextTurn()
    assert.deepEqual(steps, ['first a', 'first b', 'second a', 'second b', 'third a', 'third b'])
  })

  test('and arrives while others are worked on has the next turn', async () => {
    const worked: number[] = []
    onceAllArrived(() => {
      worked.push(1)
      onceAllArrived(() => worked.push(2))
    })
    await nextTurn()
    assert.deepEqual(worked, [1])
    await nextTurn()
    assert.deepEqual(worked, [1, 2])
  })
})

describe('what leaves in a turn', () => {
  test('leaves at its end, in order, after all that is to be done in it', async () => {
    const done: (number | string)[] = []
    const work = async (): Promise<void> => {
      for (let step = 0; step < 20; step++) await undefined
      done.push('worked')
    }
    atTurnsEnd(() => done.push(1))
    void work()
    await Promise.resolve()
    atTurnsEnd(() => done.push(2))
    assert.deepEqual(done, [])
    await nextTurn()
    assert.deepEqual(done, ['worked', 1, 2])
  })

  test('leaves in the turn in which it was worked on', async () => {
    const left: number[] = []
    onceAllArrived(() => atTurnsEnd(() => left.push(1)))
    await nextTurn()
    assert.deepEqual(left, [1])
  })

  test('leaves, too, where it goes out while others leave', async () => {
    const left: number[] = []
    atTurnsEnd(() => {
      left.push(1)
      atTurnsEnd(() => left.push(2))
    })
    await nextTurn()
    assert.deepEqual(left, [1, 2])
  })
})
