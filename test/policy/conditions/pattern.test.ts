import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { assert } from '../../../src/kernel/assert.ts'
import { conditionCompiler } from '../../../src/policy/conditions/condition.ts'
import { compilePattern, PATTERN_CHARS_MAX, type Pattern } from '../../../src/policy/conditions/pattern.ts'
import { ACCESS_FACTS } from '../../../src/policy/facts.ts'
import { accessFacts } from '../fixtures.ts'

/** Each makes an engine that backtracks take time exponential in a text of `a`s without its end. */
const CATASTROPHIC = ['^(a+)+$', '^(a|a)*$', '^(a|aa)+$', '(x+x+)+y', '^(([a-z])+.)+[A-Z]([a-z])+$', '(.*a){12}$']

function pattern(text: string): Pattern {
  const compiled = compilePattern(text)
  assert(typeof compiled !== 'string', text)
  return compiled
}

describe('a pattern is RE2 syntax', () => {
  const cases: readonly [pattern: string, text: string, matches: boolean][] = [
    ['b', 'abc', true],
    ['^b', 'abc', false],
    ['^(a|b)+$', 'abba', true],
    ['(?i)^bot', 'BOT/1.0', true],
    ['^\\d{3,5}$', '12', false],
    ['\\p{Greek}', 'δ', true],
    ['^.$', '😀', true],
    ['', '', true],
  ]
  for (const [text, given, matches] of cases) {
    it(`${text} on ${given}`, () => equal(pattern(text).matches(given), matches))
  }

  it('and what is not is refused with the reason', () => {
    const reasons = ['(a)\\1', '(?=a)', '(?<!a)b', 'a**', '[', '(', 'a{2000}', '\\'].map(compilePattern)
    deepEqual(
      reasons.map((reason) => typeof reason),
      reasons.map(() => 'string'),
    )
    match(String(reasons[0]), /invalid escape sequence/)
  })

  it('a pattern that is too long, or long once its repetitions are written out, is refused', () => {
    match(String(compilePattern('a'.repeat(PATTERN_CHARS_MAX + 1))), /at most 500 characters/)
    for (const large of ['(a{100}){10}b{1000}', 'a{1000}'.repeat(70)]) match(String(compilePattern(large)), /too large/)
  })
})

describe('a match takes time linear in the text', () => {
  for (const text of CATASTROPHIC) {
    it(`${text} reads a character a few times, however long the text`, () => {
      const { matches } = pattern(text)
      const [short, long] = [
        charactersRead(() => matches(`${'a'.repeat(5_000)}!`)),
        charactersRead(() => matches(`${'a'.repeat(50_000)}!`)),
      ]
      ok(long <= 11 * short + 100, `${long} characters read of a text ten times as long, ${short} of the short one`)
    })
  }

  it('on an engine that is not the one of JavaScript, nor of cel-js', () => {
    const compile = conditionCompiler(ACCESS_FACTS, new Map())
    const facts = accessFacts({ request: { path: 'a'.repeat(100_000) } })
    for (const text of CATASTROPHIC) {
      for (const call of [`request.path.matches('${text}')`, `matches(request.path, '${text}')`]) {
        const condition = compile(`${call} || ["b"].exists(item, item.matches(r"^(b+)+$"))`)
        assert(typeof condition === 'function', call)
        const engine = mock.method(RegExp.prototype, 'exec', () => assert(false, 'JavaScript matched a pattern'))
        equal(condition(facts), true)
        engine.mock.restore()
      }
    }
  })
})

/** How many characters of any text the engine looks at. */
function charactersRead(work: () => void): number {
  const { charCodeAt } = String.prototype
  let count = 0
  String.prototype.charCodeAt = function read(index) {
    count++
    return charCodeAt.call(this, index)
  }
  try {
    work()
  } finally {
    String.prototype.charCodeAt = charCodeAt
  }
  return count
}
