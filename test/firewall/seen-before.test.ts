import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { TextMemory } from '../../src/firewall/engine/form.ts'
import { SeenBefore } from '../../src/firewall/engine/seen-before.ts'

/** Of all lengths up to more than are read as a whole. */
const text = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ minLength: 200, maxLength: 1_200 }))

describe('what was seen before', () => {
  it('is what was noted, and hardly anything else', () => {
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 20 }), (texts) => {
        const seen = new SeenBefore()
        for (const each of texts) {
          assert.equal(seen.note(each), false)
          assert.equal(seen.note(each), true)
        }
      }),
    )
  })

  it('is told from what differs in one character, wherever that is', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 256, unit: 'grapheme-ascii' }), fc.nat(), (whole, place) => {
        const at = place % whole.length
        const seen = new SeenBefore()
        seen.note(whole)
        assert.equal(seen.note(`${whole.slice(0, at)}\t${whole.slice(at + 1)}`), false)
      }),
    )
  })
})

describe('a memory of texts', () => {
  it('takes what comes a second time', () => {
    const memory = new TextMemory()
    const first = memory.textOf('once')
    const second = memory.textOf('once')
    assert.notEqual(second, first)
    assert.equal(memory.textOf('once'), second)
  })

  it('forgets nothing for texts that come but once, however many', () => {
    const memory = new TextMemory()
    memory.textOf('usual')
    const usual = memory.textOf('usual')
    for (let nth = 0; nth < 20_000; nth++) memory.textOf(`key ${nth}`)
    assert.equal(memory.textOf('usual'), usual)
  })
})
