import { deepEqual, ok } from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { conditionCompiler } from '../../../src/policy/conditions/condition.ts'
import { ACCESS_FACTS } from '../../../src/policy/facts.ts'

const compile = conditionCompiler(ACCESS_FACTS, new Map())

/** Pieces of which conditions are made, so that many of their mixtures nearly are one. */
const piece = fc.constantFrom(
  ...['request', 'claims', 'now', '.path', '.headers', '[?', "['a']", ']', '(', ')', '[]', '{}', ',', ' ? ', ' : '],
  ...[' && ', ' || ', '!', ' == ', ' < ', ' in ', ' + ', '-', '1', '1.5', '2u', 'null', 'true', '"a"', 'b"a"', 'x'],
  ...['.all(x, ', '.map(x, ', '.exists(x, ', 'has(', 'cel.bind(x, ', 'dyn(', 'size(', 'type(', 'optional.of('],
  ...[
    '.matches(',
    'money(',
    'listed(',
    '.getHours(',
    "'UTC'",
    'duration("1s")',
    '.orValue(',
    '\\',
    '"',
    '`',
    '\u{1f600}',
  ],
)

it('Whatever is written as a condition, it compiles or has a fault at a place inside it', () => {
  const text = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    fc.string({ unit: 'binary', maxLength: 40 }),
  )
  fc.assert(
    fc.property(text, (when) => {
      const compiled = compile(when)
      if (typeof compiled === 'function') return
      ok(compiled.message.length > 0)
      ok(compiled.offset >= 0 && compiled.offset <= when.length, `${compiled.offset} in ${when.length}`)
    }),
    { numRuns: 1_000 },
  )
})

it('A pattern that stands in many conditions is told from others', () => {
  const conditions = ["request.path.matches('^a')", "request.path.matches('^b')", "request.path.matches('^a')"]
  const facts = { request: { method: 'GET', path: 'abc', query: {}, headers: {} } }
  deepEqual(
    conditions.map(compile).map((condition) => typeof condition === 'function' && condition(facts)),
    [true, false, true],
  )
})
