import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { createCounts, type Taken } from '../../../src/edge/quotas/counts.ts'
import { createSharedCounter } from '../../../src/edge/quotas/shared-counter.ts'
import { TAKE } from '../../../src/edge/quotas/shared-window.ts'
import { createProofMemory } from '../../../src/edge/tokens/proof-memory.ts'
import { type Instant, manualClock } from '../../../src/kernel/clock.ts'
import { createLog } from '../../../src/platform/log.ts'
import { openRedis, type Redis } from '../../../src/platform/redis.ts'
import { eventually } from '../../support/edge-calls.ts'
import { skipWithoutRedis, startTestRedis, type TestRedis } from '../../support/redis.ts'

const TIMEOUT_MS = 300 // tests share their machine
const log = createLog('silent')

describe('counts on a real Redis', { skip: skipWithoutRedis }, () => {
  let server: TestRedis
  let one: Redis
  let two: Redis
  before(async () => {
    server = await startTestRedis()
    one = await openRedis({ url: server.url, timeoutMs: TIMEOUT_MS, log })
    two = await openRedis({ url: server.url, timeoutMs: TIMEOUT_MS, log })
  })
  after(async () => {
    await one.close()
    await two.close()
    await server.stop()
  })
  beforeEach(() => eventually('both are there', async () => one.isReady && two.isReady))

  const LOCAL = { kind: 'local', share: 1 } as const
  const counter = (redis: Redis, name: string, onError: Parameters<typeof createSharedCounter>[2]['onError'] = LOCAL) =>
    createSharedCounter(redis, createCounts(1_000, Date.now), { name, size: { points: 6, windowMs: 60_000 }, onError })
  const take = async (of: ReturnType<typeof counter>, key = 'mem_1', points = 1): Promise<Taken> => {
    const answer = await of.take(key, points)
    assert.ok(answer !== 'away')
    return answer
  }

  test('know a DPoP proof that another edge took, and say when nobody can tell', async () => {
    const memoryOn = (redis: Redis) =>
      createProofMemory({ proofsMax: 100, keptMs: 70_000, clock: manualClock(0 as Instant), redis })
    const [here, there] = [memoryOn(one), memoryOn(two)]
    const proof = { thumbprint: 'key', jti: 'one' }
    assert.deepEqual([await here.take(proof), await there.take(proof), await here.take(proof)], ['new', 'seen', 'seen'])
    const closed = await openRedis({ url: server.url, timeoutMs: TIMEOUT_MS, log })
    await closed.close()
    assert.equal(await memoryOn(closed).take({ ...proof, jti: 'two' }), 'unshared')
  })

  test('are shared: two edges have one limit, and what is refused or given back does not count', async () => {
    const [here, there] = [counter(one, 'shared'), counter(two, 'shared')]
    const taken = await Promise.all(Array.from({ length: 20 }, (_, n) => take(n % 2 === 0 ? here : there)))
    assert.equal(taken.filter((answer) => answer.taken).length, 6)
    assert.ok(taken.every(({ remaining, resetMs }) => remaining >= 0 && resetMs > 0 && resetMs <= 70_000))
    await there.giveBack('mem_1', 2)
    assert.deepEqual((await take(here, 'mem_1', 3)).taken, false)
    assert.deepEqual((await take(here, 'mem_1', 2)).remaining, 0)
    assert.equal((await take(here, 'mem_2')).remaining, 5)
  })

  test('take up room for two windows at most, under a name of bounded length', async () => {
    await take(counter(one, 'long'), 'x'.repeat(8_000))
    const [name = ''] = (await server.keys()).filter((key) => key.includes(':long:'))
    assert.ok(name.length < 120, name)
    const ttl = Number(await one.eval("return redis.call('PTTL', KEYS[1])", { keys: [name], arguments: [] }))
    assert.ok(ttl > 60_000 && ttl <= 120_000)
  })

  test('decide in Redis as in memory, whatever happened before', async () => {
    const clocked = TAKE.replace("redis.call('TIME')", '{ARGV[5], ARGV[6]}')
    const points = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(11, -1, -3)) // more than there is; given back
    const step = fc.record({ waitMs: fc.integer({ min: 0, max: 700 }), points })
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        let time = 1_800_000_000_000
        const counts = createCounts(100, () => time)
        const key = `twin:${run++}`
        for (const { waitMs, points } of steps) {
          time += waitMs
          const at = [String(Math.floor(time / 1_000)), String((time % 1_000) * 1_000)]
          const args = [String(points), '1', '10', '1000', ...at]
          const [consumed, waitingMs] = (await one.eval(clocked, { keys: [key], arguments: args })) as [number, number]
          const size = { points: 10, windowMs: 1_000 }
          if (points < 0) {
            counts.giveBack(counts.space('twin'), 'key', -points, size)
            continue
          }
          const local = counts.take(counts.space('twin'), 'key', points, size)
          const remaining = 10 - consumed + (consumed > 10 ? points : 0)
          assert.deepEqual({ taken: consumed <= 10, remaining, resetMs: waitingMs }, local)
        }
      }),
      { numRuns: 200 },
    )
  })

  const outages: Readonly<
    Record<string, readonly [begin: () => Promise<void> | void, end: () => Promise<void> | void]>
  > = {
    killed: [() => server.kill(), () => server.start()],
    frozen: [() => server.freeze(), () => server.thaw()],
  }
  for (const [how, [begin, end]] of Object.entries(outages)) {
    test(`Redis ${how} in mid-traffic: each quota does as it says, nobody waits for long, and it is shared again`, async () => {
      const whole = counter(one, how)
      const half = counter(one, `${how} half`, { kind: 'local', share: 0.5 })
      const closed = counter(one, `${how} closed`, { kind: 'closed' })
      for (const each of [whole, half, closed]) await take(each)
      await begin()
      const startedAt = performance.now()
      const answers = await Promise.all(
        [whole, half, closed].map((each) => Promise.all(Array.from({ length: 10 }, () => each.take('mem_1', 1)))),
      )
      assert.ok(performance.now() - startedAt < 10 * TIMEOUT_MS, 'all wait for one deadline, not one after the other')
      const outcomes = answers.map((of) => of.map((it) => (it === 'away' ? 'away' : it.taken)))
      assert.deepEqual(
        outcomes.map((of) => of.filter((outcome) => outcome === true).length),
        [6, 3, 0],
      )
      assert.ok(outcomes[2]?.every((outcome) => outcome === 'away'))
      await assert.rejects(one.remember('proof', 1_000))
      await end()
      await eventually('both are back', async () => one.isReady && two.isReady)
      assert.equal((await take(counter(two, `${how} after`))).remaining, 5)
      assert.equal((await take(counter(one, `${how} after`))).remaining, 4)
    })
  }

  test('an edge starts while Redis is away, and shares once it is there', async () => {
    await server.kill()
    const late = await openRedis({ url: server.url, timeoutMs: TIMEOUT_MS, log })
    try {
      assert.equal(late.isReady, false)
      assert.equal((await take(counter(late, 'late'))).taken, true)
      await server.start()
      await eventually('it is there', async () => late.isReady)
      assert.deepEqual(await Promise.all([late.remember('one', 9_000), late.remember('one', 9_000)]), [true, false])
      assert.equal(await late.remembers('one'), true)
      await late.forget('one')
      assert.equal(await late.remembers('one'), false)
    } finally {
      await late.close()
    }
  })
})
