import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { leastLoadedOfTwo } from '../../../src/edge/upstream/choice.ts'

const loads = fc.array(fc.nat(20), { minLength: 1, maxLength: 8 }).map((all) => all.map((load) => ({ load })))

describe('the less loaded of two', () => {
  test('is one of the set, never the excluded one while there is another, and never the most loaded of two', () => {
    fc.assert(
      fc.property(
        loads,
        fc.nat(),
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        (from, at, dice) => {
          const except = from[at % from.length] ?? null
          const random = (): number => dice.next().value ?? 0
          const all = leastLoadedOfTwo(from, null, random)
          const others = leastLoadedOfTwo(from, except, random)
          assert.ok(from.includes(all) && from.includes(others))
          if (from.length === 1) return
          assert.notEqual(others, except)
          const most = Math.max(...from.map(({ load }) => load))
          assert.ok(all.load < most || from.filter(({ load }) => load === most).length > 1)
        },
      ),
    )
  })

  test('keeps the loads together where blind chance lets them drift apart', () => {
    const spreadOf = (choose: (from: { load: number }[]) => { load: number }): number => {
      const from = Array.from({ length: 10 }, () => ({ load: 0 }))
      for (let n = 0; n < 10_000; n++) choose(from).load += 1
      const all = from.map(({ load }) => load)
      return Math.max(...all) - Math.min(...all)
    }
    const ofTwo = spreadOf((from) => leastLoadedOfTwo(from, null))
    const blind = spreadOf((from) => from[Math.floor(Math.random() * from.length)] ?? { load: 0 })
    assert.ok(ofTwo <= 15 && ofTwo < blind, `${ofTwo} and ${blind}`)
  })
})
