import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { type Placed, UnderWay } from '../../../src/edge/upstream/under-way.ts'

test('it holds what was added and has not ended, each once', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9)), (steps) => {
      const underWay = new UnderWay<Placed>()
      const expected = new Set<Placed>()
      for (const step of steps) {
        const one = [...expected][step]
        if (one === undefined) {
          const added = { place: 0 }
          underWay.add(added)
          expected.add(added)
        } else {
          underWay.delete(one)
          expected.delete(one)
        }
      }
      const visited = [...underWay]
      assert.equal(visited.length, expected.size)
      assert.deepEqual(new Set(visited), expected)
    }),
  )
})

test('all are visited though some of them end by it', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean()), (ends) => {
      const underWay = new UnderWay<Placed & { readonly ends: boolean }>()
      for (const each of ends) underWay.add({ place: 0, ends: each })
      let visits = 0
      for (const one of underWay) {
        visits += 1
        if (one.ends) underWay.delete(one)
      }
      assert.equal(visits, ends.length)
      for (const one of underWay) assert.equal(one.ends, false)
    }),
  )
})

/** A full collection makes what is alive old; what only something old and dead still points to becomes old after it. */
test('what has ended is garbage, however long others have been under way', () => {
  const AT_ONCE = 64
  const IN_ALL = 300_000
  const LOOK_EVERY = 10_000
  const underWay = new UnderWay<Placed & { readonly load: number[] }>()
  const line: (Placed & { readonly load: number[] })[] = []
  const old: number[] = []
  for (let n = 0; n < IN_ALL; n++) {
    const one = { place: 0, load: Array.from({ length: 32 }, () => n) }
    underWay.add(one)
    line.push(one)
    const ended = line.length > AT_ONCE ? line.shift() : undefined
    if (ended !== undefined) underWay.delete(ended)
    if (n === LOOK_EVERY) collect()
    if (n > 0 && n % LOOK_EVERY === 0) old.push(oldBytes())
  }
  const kept = Math.max(...old) - (old[0] ?? 0)
  assert.ok(kept < 5_000_000, `${kept} bytes of what has ended`)
})

function collect(): void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc')
  gc()
  gc()
}

function oldBytes(): number {
  return getHeapSpaceStatistics().reduce((sum, { space_name: name, space_used_size: used }) => {
    return name.startsWith('old') ? sum + used : sum
  }, 0)
}
