import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LiteralMap } from '../../src/kernel/literal-map.ts'

/** Of few letters, so that some are asked for again. */
const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 3 })
/** Of one length, and with the same first, middle and last letter: more than are compared one after the other. */
const alike = fc.tuple(letters, letters).map(([left, right]) => `a${left.padEnd(3)}a${right.padEnd(3)}a`)
const text = fc.oneof(letters, alike)

test('a map of literals holds what a Map holds, however many look alike', () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 60, size: 'max' }), fc.array(text), (literals, asked) => {
      const map = new LiteralMap<number>()
      const reference = new Map<string, number>()
      for (const [at, literal] of literals.entries()) {
        const known = reference.get(literal) ?? at
        reference.set(literal, known)
        assert.equal(
          map.at(literal, () => at),
          known,
        )
      }
      for (const each of [...literals, ...asked]) assert.equal(map.get(each), reference.get(each))
    }),
  )
})
