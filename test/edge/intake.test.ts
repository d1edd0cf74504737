import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createIntake, type IntakeOptions } from '../../src/edge/intake.ts'
import { openLine } from '../../src/edge/line.ts'

const turn = () => new Promise(setImmediate)

/** An intake that writes down what it does; numbers below zero are urgent. */
function watchedIntake(limits: Pick<IntakeOptions<number>, 'begunPerTurnMax' | 'patienceMs'>) {
  const [begun, refused]: [number[], number[]] = [[], []]
  const intake = createIntake<number>({
    ...limits,
    isUrgent: (request) => request < 0,
    begin: async (request) => void begun.push(request),
    refuse: (request) => void refused.push(request),
  })
  return { intake, begun, refused }
}

describe('the intake', () => {
  test('begins at the end of a turn what it has room for, and the rest in the turns after it', async () => {
    const { intake, begun } = watchedIntake({ begunPerTurnMax: 20, patienceMs: 60_000 })
    const taken = Array.from({ length: 50 }, (_, n) => intake.take(n))
    assert.deepEqual([begun.length, intake.waiting()], [0, 50])
    await turn()
    assert.deepEqual([begun.length, intake.waiting()], [20, 30])
    await turn()
    assert.deepEqual([begun.length, intake.waiting()], [40, 10])
    await Promise.all(taken)
    assert.deepEqual(
      begun,
      Array.from({ length: 50 }, (_, n) => n),
      'in their order',
    )
    assert.equal(intake.waiting(), 0)
  })

  test('asks nobody whether he is urgent while there is room for all', async () => {
    let asked = 0
    const intake = createIntake<number>({
      ...{ begunPerTurnMax: 3, patienceMs: 60_000, begin: async () => {}, refuse: () => {} },
      isUrgent() {
        asked += 1
        return false
      },
    })
    await Promise.all([1, 2, 3].map(intake.take))
    assert.equal(asked, 0)
    await Promise.all([1, 2, 3, 4].map(intake.take))
    assert.equal(asked, 4)
  })

  test('begins the urgent first among those that wait', async () => {
    const { intake, begun } = watchedIntake({ begunPerTurnMax: 16, patienceMs: 60_000 })
    const taken = [...Array(30).keys(), -1, -2].map((request) => intake.take(request))
    await Promise.all(taken)
    assert.deepEqual(begun.slice(0, 3), [-1, -2, 0])
  })

  test('begins the newest first once the oldest has waited for long', async (context) => {
    let nowMs = 0
    context.mock.method(performance, 'now', () => nowMs)
    const { intake, begun } = watchedIntake({ begunPerTurnMax: 16, patienceMs: 1_000 })
    const old = Array.from({ length: 20 }, (_, n) => intake.take(n))
    await turn()
    nowMs = 600
    const late = intake.take(99)
    await Promise.all([...old, late])
    assert.deepEqual(begun.slice(16), [99, 19, 18, 17, 16])
  })

  test('refuses who has waited too long, the oldest first, and fewer than it begins', async (context) => {
    let nowMs = 0
    context.mock.method(performance, 'now', () => nowMs)
    const { intake, begun, refused } = watchedIntake({ begunPerTurnMax: 20, patienceMs: 1_000 })
    const taken = Array.from({ length: 120 }, (_, n) => intake.take(n))
    await turn()
    nowMs = 1_001
    await turn()
    assert.deepEqual(refused, [20, 21, 22, 23])
    assert.equal(begun.length, 40, 'and begins as many as ever')
    await Promise.all(taken)
    assert.equal(begun.length + refused.length, 120)
  })

  test('passes on what its exchange throws, also when that had to wait', async () => {
    const intake = createIntake<number>({
      ...{ begunPerTurnMax: 1, patienceMs: 60_000, isUrgent: () => false },
      ...{ begin: (request) => Promise.reject(new Error(`no ${request}`)), refuse: () => {} },
    })
    const outcomes = await Promise.allSettled([intake.take(1), intake.take(2)])
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.message),
      ['no 1', 'no 2'],
    )
  })

  test('answers or refuses everyone once, whoever comes when', async () => {
    const requests = fc.array(fc.record({ urgent: fc.boolean(), turnsBefore: fc.nat(2) }), { maxLength: 80 })
    await fc.assert(
      fc.asyncProperty(
        requests,
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom(0, 60_000),
        async (all, max, patienceMs) => {
          const { intake, begun, refused } = watchedIntake({ begunPerTurnMax: max, patienceMs })
          const taken: Promise<void>[] = []
          for (const [n, { urgent, turnsBefore }] of all.entries()) {
            for (let turns = 0; turns < turnsBefore; turns++) await turn()
            taken.push(intake.take(urgent ? -1 - n : n + 1))
          }
          await Promise.all(taken)
          assert.equal(new Set([...begun, ...refused]).size, all.length)
          assert.equal(begun.length + refused.length, all.length)
          if (patienceMs > 0) assert.deepEqual(refused, [])
        },
      ),
      { numRuns: 30 },
    )
  })
})

test('a line gives from both ends what an array would', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('add', 'oldest', 'newest'), { maxLength: 4_000 }), (steps) => {
      const line = openLine<number>()
      const model: number[] = []
      for (const [n, step] of steps.entries()) {
        if (step === 'add') {
          line.add(n)
          model.push(n)
        } else if (step === 'oldest') assert.equal(line.takeOldest(), model.shift())
        else assert.equal(line.takeNewest(), model.pop())
        assert.deepEqual([line.length(), line.oldest()], [model.length, model[0]])
      }
    }),
    { numRuns: 20 },
  )
  const long = openLine<number>()
  for (let n = 0; n < 5_000; n++) long.add(n)
  for (let n = 0; n < 5_000; n++) assert.equal(long.takeOldest(), n)
  assert.equal(long.takeOldest(), undefined)
})
