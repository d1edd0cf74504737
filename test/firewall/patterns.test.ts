import { deepEqual, equal, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { matchByTrying, OutOfSteps } from '../../src/firewall/patterns/backtrack.ts'
import { hasByte } from '../../src/firewall/patterns/byte-set.ts'
import { hasOwner, LiteralMatcher } from '../../src/firewall/patterns/literal-matcher.ts'
import { parsePattern } from '../../src/firewall/patterns/parse.ts'
import { createPattern } from '../../src/firewall/patterns/pattern.ts'
import { PatternFault } from '../../src/firewall/patterns/syntax.ts'

const steps = () => ({ left: 1_000_000 })

/** Trying may take very long; that it then ends is another test's matter. */
function tryFor(match: () => boolean): boolean | 'out of steps' {
  try {
    return match()
  } catch (error) {
    if (error instanceof OutOfSteps) return 'out of steps'
    throw error
  }
}

/** Patterns that JavaScript reads in the same way. */
const pattern: fc.Arbitrary<string> = fc.letrec<{ part: string; whole: string }>((tie) => ({
  part: fc.oneof(
    {
      weight: 5,
      arbitrary: fc.constantFrom('a', 'b', 'B', 'ab', '.', '[ab]', '[^a]', '\\d', '\\w', '\\s', '\\b', '[a-c1]'),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(tie('whole'), fc.constantFrom('', '?', '*', '+', '{2}', '{1,2}', '*?'))
        .map(([inner, times]) => `(?:${inner})${times}`),
    },
    { weight: 1, arbitrary: tie('whole').map((inner) => `(${inner})`) },
  ),
  whole: fc.oneof(
    fc.array(tie('part'), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
    fc.tuple(tie('part'), tie('part')).map(([left, right]) => `${left}|${right}`),
  ),
})).whole
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'B', 'c', '1', ' ', '\n', '_', '.'), maxLength: 24 })

describe('a pattern', () => {
  it('matches what JavaScript says, by either engine, anywhere and as a whole', () => {
    fc.assert(
      fc.property(pattern, text, fc.boolean(), (source, value, isWhole) => {
        const asked = isWhole ? `^(?:${source})$` : source
        const expected = new RegExp(asked, 's').test(value)
        const node = parsePattern(asked, { m: false })
        equal(createPattern(isWhole ? `\\A(?:${source})\\z` : source).test(value, steps()), expected)
        const tried = tryFor(() => matchByTrying(node, value, steps()) !== null)
        if (tried !== 'out of steps') equal(tried, expected)
      }),
      { numRuns: 2_000 },
    )
  })

  it('gives what it captured', () => {
    const found = createPattern('(\\w+)@((a|b)c)?').captures('to ann@x', steps())
    deepEqual(found, ['ann@', 'ann', undefined, undefined])
  })

  it('is never ruled out by what it requires', () => {
    fc.assert(
      fc.property(pattern, text, (source, value) => {
        const { required } = createPattern(`(?i)${source}`)
        if (!new RegExp(source, 'smi').test(value)) return
        const lower = value.toLowerCase()
        const isOne = required.some(
          ({ anyOf, bytes }) =>
            (anyOf === null || anyOf.some((literal) => lower.includes(literal))) &&
            bytes.every((set) => [...value].some((letter) => hasByte(set, letter.charCodeAt(0)))),
        )
        equal(isOne, true, JSON.stringify([source, value]))
      }),
      { numRuns: 4_000 },
    )
  })

  it('may look around, ask for a part again, and give nothing back', () => {
    const all = (source: string, value: string) => createPattern(source).captures(value, steps())
    deepEqual(all('\\b(\\w+) (?!\\1)\\w+', 'one one two'), ['one two', 'one'])
    equal(all('(?<!a)b', 'ab'), null)
    deepEqual(all('(?<=a)b', 'ab'), ['b'])
    equal(all('a++a', 'aaa'), null)
    equal(all('(?>a|ab)c', 'abc'), null)
  })

  it('of PCRE is read as PCRE reads it', () => {
    const yes = (source: string, value: string) => equal(createPattern(source).test(value, steps()), true, source)
    yes('^[[:alpha:]]+$', 'x1\nabc')
    yes('\\x41\\x{42}\\103', 'ABC')
    yes('(?i:a)b', 'Ab')
    yes('(?i)a', 'A')
    yes('[\\]\\-\\x5c]', '\\')
    yes('[]a]', ']')
    yes('a{,2}', 'a{,2}')
    yes('\\s', '\x0b')
    yes('\\xbc', '\xbc')
    for (const broken of ['(', ')', '[a', 'a**', '*a', '\\', '[z-a]', 'a{3,2}', '(?<n', '\\p{L}', 'é\u0101']) {
      throws(() => createPattern(broken), PatternFault, broken)
    }
  })

  it('that tries does so for a limited number of steps', () => {
    const slow = createPattern('^(?:(a+)+)(?!\\1)$')
    throws(() => slow.test(`${'a'.repeat(200)}b`, { left: 100_000 }), OutOfSteps)
    throws(() => createPattern('(?:(?=a)a)*c').test('a'.repeat(100_000), { left: 10_000_000 }), OutOfSteps)
  })
})

it('Many literals are found in one pass, in any case', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-'), minLength: 2, maxLength: 5 })
  fc.assert(
    fc.property(
      fc.uniqueArray(word, { minLength: 1, maxLength: 12 }),
      fc.string({ unit: fc.constantFrom('a', 'B', 'b', 'C', '-', '\xe9') }),
      (words, value) => {
        const matcher = new LiteralMatcher(new Map(words.map((literal, owner) => [literal, [owner]])), words.length)
        const found = matcher.find(value)
        deepEqual(
          words.filter((_, owner) => hasOwner(found, owner)),
          words.filter((literal) => value.toLowerCase().includes(literal)),
        )
        for (const letter of value) equal(hasByte(found.bytes, letter.charCodeAt(0)), true)
      },
    ),
    { numRuns: 1_000 },
  )
})
