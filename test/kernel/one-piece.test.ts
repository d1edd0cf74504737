import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { inOnePiece } from '../../src/kernel/one-piece.ts'

test('a text in one piece is the same text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(), fc.string(), (text, at, more) => {
      for (const each of [text, text.slice(at % (text.length + 1)), `${text}${more}`]) {
        assert.equal(inOnePiece(each), each)
      }
    }),
  )
})
