import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Endpoint } from '../../../src/edge/upstream/endpoint.ts'
import { EndpointSet } from '../../../src/edge/upstream/endpoint-set.ts'

const endpointsNamed = (count: number): Endpoint[] =>
  Array.from({ length: count }, (_, n) => new Endpoint(`http://127.0.0.1:${n + 1}`, 10, 10))
const EJECTION = { failures: 3, ms_min: 1_000, ms_max: 4_000, share_max: 0.5 }

function failTimes(set: EndpointSet, endpoint: Endpoint, times: number): void {
  for (let n = 0; n < times; n++) set.failed(endpoint)
}

describe('a set of endpoints', () => {
  test('leaves out the one that fails again and again, and takes it back on probation', () => {
    const [bad, good] = endpointsNamed(2) as [Endpoint, Endpoint]
    const set = new EndpointSet([bad, good], EJECTION)
    failTimes(set, bad, 2)
    set.answered(bad, 200)
    failTimes(set, bad, 2)
    assert.equal(bad.ejectedUntil, null, 'in a row, not altogether')
    failTimes(set, bad, 1)
    assert.ok(bad.ejectedUntil !== null && bad.ejections === 1)
    for (let n = 0; n < 50; n++) assert.equal(set.pick(), good)
    set.tick(bad.ejectedUntil - 1)
    assert.ok(bad.ejectedUntil !== null)
    set.tick(bad.ejectedUntil)
    assert.equal(bad.ejectedUntil, null)
    assert.ok(Array.from({ length: 50 }, () => set.pick()).includes(bad))
    failTimes(set, bad, 1)
    assert.ok(bad.ejectedUntil !== null, 'one failure is enough on probation')
  })

  test('leaves it alone for twice as long each time, up to the limit', () => {
    const [bad, good] = endpointsNamed(2) as [Endpoint, Endpoint]
    const set = new EndpointSet([bad, good], EJECTION)
    const times = Array.from({ length: 4 }, () => {
      failTimes(set, bad, 3)
      const ms = (bad.ejectedUntil ?? 0) - performance.now()
      set.tick(Number.POSITIVE_INFINITY)
      bad.returnedAt = performance.now()
      return Math.round(ms / 100) * 100
    })
    assert.deepEqual(times, [1_000, 2_000, 4_000, 4_000])
    bad.returnedAt = performance.now() - 5_000
    failTimes(set, bad, 1)
    assert.equal(Math.round(((bad.ejectedUntil ?? 0) - performance.now()) / 100), 10, 'well for long: from the start')
  })

  test('sends to all of them when none is well', () => {
    const [a, b] = endpointsNamed(2) as [Endpoint, Endpoint]
    const set = new EndpointSet([a, b], EJECTION)
    set.judge(a, false)
    assert.deepEqual([set.isPanicking, set.pick()], [false, b])
    set.judge(b, false)
    assert.equal(set.isPanicking, true)
    assert.equal(new Set(Array.from({ length: 50 }, () => set.pick())).size, 2)
    set.judge(a, true)
    assert.deepEqual([set.isPanicking, set.pick()], [false, a])
  })

  test('never ejects more than its share, an only one never, and always has one to send to', () => {
    const step = fc.record({ at: fc.nat(5), what: fc.constantFrom('fail', 'fail', 'succeed', 'sick', 'well', 'tick') })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 100 }), (count, steps) => {
        const all = endpointsNamed(count)
        const set = new EndpointSet(all, { ...EJECTION, failures: 1 })
        for (const { at, what } of steps) {
          const endpoint = all[at % count] as Endpoint
          if (what === 'fail') set.failed(endpoint)
          else if (what === 'succeed') set.answered(endpoint, 500)
          else if (what === 'tick') set.tick(Number.POSITIVE_INFINITY)
          else set.judge(endpoint, what === 'well')
          const well = all.filter(({ healthy, ejectedUntil }) => healthy && ejectedUntil === null)
          assert.ok(all.filter(({ ejectedUntil }) => ejectedUntil !== null).length <= count / 2)
          assert.equal(set.isPanicking, well.length === 0)
          assert.ok((set.isPanicking ? all : well).includes(set.pick()))
        }
      }),
      { numRuns: 50 },
    )
  })
})
