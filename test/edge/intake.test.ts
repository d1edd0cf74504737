import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Incoming } from '../../src/edge/incoming.ts'
import { createIntake, type IntakeOptions } from '../../src/edge/intake.ts'
import { openLine } from '../../src/edge/line.ts'
import { NodeIncoming } from '../../src/edge/node-incoming.ts'
import { isGone } from '../../src/edge/overload.ts'
import { eventually } from '../support/edge-calls.ts'
import { openRawSocket } from '../support/raw-socket.ts'

const turn = () => new Promise(setImmediate)

/** An intake that writes down what it does; numbers below zero are urgent. */
function watchedIntake(limits: Pick<IntakeOptions<number>, 'begunPerTurnMax' | 'patienceMs'>) {
  const [begun, refused]: [number[], number[]] = [[], []]
  const gone = new Set<number>()
  const intake = createIntake<number>({
    ...limits,
    isUrgent: (request) => request < 0,
    begin: async (request) => void begun.push(request),
    refuse: (request) => void refused.push(request),
    isGone: (request) => gone.has(request),
  })
  return { intake, begun, refused, gone }
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
      isGone: () => false,
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

  test("has no turn for those whose client is gone, and they take nobody else's", async (context) => {
    let nowMs = 0
    context.mock.method(performance, 'now', () => nowMs)
    const { intake, begun, refused, gone } = watchedIntake({ begunPerTurnMax: 20, patienceMs: 1_000 })
    const taken = Array.from({ length: 120 }, (_, n) => intake.take(n))
    await turn()
    for (let n = 20; n < 50; n++) gone.add(n)
    await turn()
    assert.deepEqual(
      begun.slice(20),
      [...Array(20).keys()].map((n) => 50 + n),
    )
    assert.deepEqual(refused, [...gone], 'told to nobody, and written down')
    gone.add(70)
    gone.add(71)
    nowMs = 1_001
    await turn()
    assert.deepEqual(refused.slice(30), [70, 71, 72, 73, 74, 75])
    await Promise.all(taken)
  })

  test('passes on what its exchange throws, also when that had to wait', async () => {
    const intake = createIntake<number>({
      ...{ begunPerTurnMax: 1, patienceMs: 60_000, isUrgent: () => false, isGone: () => false },
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

test('a client that hung up before its turn is known by its connection', async () => {
  const all = 400
  const [begun, gone]: [string[], string[]] = [[], []]
  const intake = createIntake<Incoming>({
    ...{ begunPerTurnMax: 1, patienceMs: 600_000, isUrgent: () => false, isGone },
    async begin({ target, node }) {
      begun.push(target)
      node?.response.end('done')
    },
    refuse: ({ target }) => void gone.push(target),
  })
  let accepted = 0
  const server = createServer((request, response) => void intake.take(new NodeIncoming(request, response)))
  server.on('connection', () => void accepted++)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const sockets = await Promise.all(Array.from({ length: all }, () => openRawSocket(url)))
  try {
    await eventually('all are accepted', async () => accepted === all)
    for (const [n, socket] of sockets.entries()) socket.write(`GET /${n} HTTP/1.1\r\nHost: edge.test\r\n\r\n`)
    for (const socket of sockets.slice(0, -1)) socket.destroy()
    await sockets.at(-1)?.until((text) => text.endsWith('done'))
    assert.ok(begun.includes(`/${all - 1}`))
    assert.ok(gone.length > 0, `${begun.length} were begun for nobody`)
    await eventually('each was begun, or refused to nobody', async () => begun.length + gone.length === all)
  } finally {
    server.closeAllConnections()
    server.close()
  }
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
