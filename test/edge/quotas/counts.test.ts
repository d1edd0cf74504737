import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Counts, createCounts } from '../../../src/edge/quotas/counts.ts'

const START = 1_800_000_000_000
const size = (points: number, windowMs = 10_000) => ({ points, windowMs })

function rig(keysMax = 1_000) {
  let time = START
  const counts = createCounts(keysMax, () => time)
  const space = counts.space('quota/calls')
  return {
    counts,
    take: (key: string, points: number, limit: number, windowMs?: number) =>
      counts.take(space, key, points, size(limit, windowMs)),
    advance(ms: number) {
      time += ms
    },
  }
}

describe('a bucket in memory', () => {
  test('holds the limit, says what is left, and gives no more within its window', () => {
    const { take, advance } = rig()
    for (let left = 4; left >= 0; left--) {
      assert.deepEqual(take('a', 1, 5), { taken: true, remaining: left, resetMs: 10_000 })
    }
    advance(9_999)
    assert.equal(take('a', 1, 5).taken, false)
    assert.equal(take('b', 1, 5).taken, true, 'another key has a bucket of its own')
  })

  test('has no second limit at the border: what was taken comes back as it gets older', () => {
    const { take, advance } = rig()
    take('a', 10, 10)
    advance(10_000)
    assert.equal(take('a', 1, 10).taken, false)
    advance(5_000)
    assert.deepEqual(take('a', 5, 10), { taken: true, remaining: 0, resetMs: 5_000 })
    advance(20_000)
    assert.equal(take('a', 10, 10).taken, true)
  })

  test('does not count what it refuses, and takes back what did not happen', () => {
    const { counts, take } = rig()
    take('a', 3, 5)
    assert.deepEqual(take('a', 3, 5).remaining, 2)
    counts.giveBack(counts.space('quota/calls'), 'a', 3, size(5))
    assert.equal(take('a', 5, 5).taken, true)
  })

  test('keeps what was counted when the limit is edited', () => {
    const { take } = rig()
    for (let n = 0; n < 5; n++) take('a', 1, 5)
    assert.equal(take('a', 1, 5).taken, false)
    assert.deepEqual(take('a', 1, 8).remaining, 2)
    assert.equal(take('a', 1, 6).taken, false)
  })

  test('never gives more than the limit in one window, nor twice of it in any', () => {
    const step = fc.record({ waitMs: fc.integer({ min: 0, max: 1_500 }), points: fc.integer({ min: 1, max: 4 }) })
    const refusedFirst = [4, 3, 1].map((points, nth) => ({ points, waitMs: [0, 999, 335][nth] as number }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 10 }), (steps, limit) => {
        const { take, advance } = rig()
        const given: { readonly at: number; readonly points: number }[] = []
        let at = 0
        for (const { waitMs, points } of steps) {
          advance(waitMs)
          at += waitMs
          const { taken, remaining } = take('a', points, limit, 1_000)
          assert.ok(remaining >= 0 && remaining <= limit)
          if (taken) given.push({ at, points })
          const recent = given.filter((it) => it.at > at - 1_000).reduce((sum, it) => sum + it.points, 0)
          assert.ok(recent <= 2 * limit, `${recent} within a second`)
        }
        const first = given[0]?.at ?? 0
        const opening = given.filter((it) => it.at < first + 1_000).reduce((sum, it) => sum + it.points, 0)
        assert.ok(opening <= limit, `${opening} in the first window`)
      }),
      { examples: [[refusedFirst, 3]] },
    )
  })

  test('has room when it said it would, and not a moment sooner', () => {
    const given = fc.record({
      first: fc.integer({ min: 1, max: 20 }),
      second: fc.integer({ min: 0, max: 20 }),
      betweenMs: fc.integer({ min: 0, max: 19_000 }),
      points: fc.integer({ min: 1, max: 20 }),
    })
    fc.assert(
      fc.property(given, ({ first, second, betweenMs, points }) => {
        const attempt = (laterMs: number): boolean => {
          const { take, advance } = rig()
          take('a', first, 20)
          advance(betweenMs)
          if (second > 0) take('a', second, 20)
          const { taken, resetMs } = take('a', points, 20)
          if (taken) return laterMs === 0
          advance(resetMs + laterMs)
          return take('a', points, 20).taken
        }
        assert.ok(attempt(0))
        assert.equal(attempt(-1), false)
      }),
      { examples: [[{ first: 20, second: 6, betweenMs: 13_000, points: 8 }]] }, // 0.7 of 20 is 14, and 1 - 0.3 is not 0.7
    )
  })
})

describe('a table of buckets', () => {
  test('does not grow: 200,000 keys against room for 20,000 take what they took at the start', () => {
    const before = process.memoryUsage().arrayBuffers
    const { counts, take } = rig(20_000)
    const made = process.memoryUsage().arrayBuffers
    for (let n = 0; n < 200_000; n++) take(`key-${n}`, 1, 5)
    assert.ok(made - before <= 20_000 * 64 + 1_024)
    assert.ok(process.memoryUsage().arrayBuffers <= made + 1_024)
    assert.ok(counts.forgotten() > 100_000)
  })

  test('forgets those of which least was taken: a flood of new keys frees nobody who is nearly used up', () => {
    const { take } = rig(2_000)
    const busy = Array.from({ length: 200 }, (_, n) => `busy-${n}`)
    for (const key of busy) take(key, 5, 5)
    for (let n = 0; n < 20_000; n++) take(`flood-${n}`, 1, 5)
    assert.deepEqual(
      busy.filter((key) => take(key, 1, 5).taken),
      [],
    )
  })

  test('keeps nearly every key that it was made for, and forgets first what is over', () => {
    const { counts, take, advance } = rig(20_000)
    for (let n = 0; n < 20_000; n++) take(`key-${n}`, 1, 5)
    assert.ok(counts.forgotten() < 20_000 / 200, `${counts.forgotten()} were forgotten`)
    advance(20_000)
    const before = counts.forgotten()
    for (let n = 0; n < 20_000; n++) take(`later-${n}`, 1, 5)
    assert.ok(counts.forgotten() - before < 20_000 / 200)
  })

  test('tells the keys of one quota from those of another', () => {
    const { counts } = rig()
    const used = (name: string): number => 5 - counts.take(counts.space(name), 'a', 1, size(5)).remaining
    assert.deepEqual([used('one'), used('two'), used('one')], [1, 1, 2])
  })

  test('spreads keys that differ in little', () => {
    const keysOf: Readonly<Record<string, (n: number) => string>> = {
      numbers: (n) => `mem_${n}`,
      addresses: (n) => `198.51.${n >> 8}.${n & 255}`,
      networks: (n) => `2001:db8:${n.toString(16)}:0:0:0:0:0`,
    }
    for (const [what, keyOf] of Object.entries(keysOf)) assert.ok(lostOf(keyOf) < 50, what)
  })
})

function lostOf(keyOf: (n: number) => string): number {
  const counts: Counts = createCounts(10_000, () => START)
  const space = counts.space('spread')
  for (let n = 0; n < 10_000; n++) counts.take(space, keyOf(n), 1, size(5))
  return counts.forgotten()
}
