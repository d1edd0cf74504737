import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LiteralMap } from '../../src/kernel/literal-map.ts'

/** Of few letters, so that many have one length and some are asked for again. */
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 3 })

test('a map of literals holds what a Map holds, however many have one length', () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 60 }), fc.array(text), (literals, asked) => {
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
