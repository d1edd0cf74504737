import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { conditionCompiler } from '../../../src/policy/conditions/condition.ts'
import { requestContext } from '../../../src/policy/conditions/environment.ts'
import { ACCESS_FACTS, type AccessFacts } from '../../../src/policy/facts.ts'

const compile = conditionCompiler(ACCESS_FACTS, new Map())

const WORDS = ['', 'a', 'A', '/v1', '/../', 'İ', 'K', '\u{1f600}', 'x-mark', 'constructor', '__proto__']
const word = fc.constantFrom(...WORDS)
const literal = word.map((text) => JSON.stringify(text))

const fact = fc.constantFrom(
  'request.path',
  'request.method',
  'source.ip',
  'route.id',
  'principal.id',
  'principal.kind',
)
const map = fc.constantFrom('request.headers', 'request.query')
const { text } = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { depthSize: 'small' },
    literal,
    fact,
    fc.tuple(map, literal, literal).map(([from, name, otherwise]) => `${from}[?${name}].orValue(${otherwise})`),
    tie('text').map((inner) => `${inner}.lowerAscii()`),
  ),
}))
const { condition } = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small' },
    fc.tuple(text, fc.constantFrom('==', '!='), text).map((parts) => parts.join(' ')),
    fc
      .tuple(text, fc.constantFrom('contains', 'startsWith', 'endsWith'), text)
      .map(([subject, asks, part]) => `${subject}.${asks}(${part})`),
    fc
      .tuple(text, fc.array(literal, { minLength: 1, maxLength: 3 }))
      .map(([item, all]) => `${item} in [${all.join(', ')}]`),
    fc.tuple(literal, map).map(([name, from]) => `${name} in ${from}`),
    tie('condition').map((inner) => `!(${inner})`),
    fc
      .tuple(tie('condition'), fc.constantFrom('&&', '||'), tie('condition'))
      .map(([a, op, b]) => `(${a}) ${op} (${b})`),
  ),
}))

const values = fc.array(fc.tuple(word, word), { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs))
const facts: fc.Arbitrary<AccessFacts> = fc.record({
  request: fc.record({ method: word, path: word, query: values, headers: values }),
  source: fc.record({ ip: word, country: word }),
  route: fc.record({ id: word, path: word, tags: fc.constant([]), upstream: word }),
  now: fc.constant(0 as AccessFacts['now']),
  principal: fc.record({
    kind: fc.constantFrom('member', 'operator', 'anonymous'),
    ...{ id: word, member: word, client: word, scopes: fc.constant([]), roles: fc.constant([]) },
  }),
  claims: fc.constant({}),
})

describe('a condition that only compares texts', () => {
  test('is compiled to functions, which say what CEL says', () => {
    fc.assert(
      fc.property(condition, facts, (when, given) => {
        const compiled = compile(when)
        assert.ok(typeof compiled === 'function', `${when}: ${JSON.stringify(compiled)}`)
        assert.ok(compiled.quick !== undefined, when)
        assert.equal(compiled.quick(given), compiled(requestContext(given, [])), when)
      }),
      { numRuns: 2_000 },
    )
  })

  for (const when of [
    "request.headers['x'] == 'a'", // a header that is missing is an error
    "request.path.matches('a')",
    "'a' in tags",
    "claims.sub == 'a'",
    "request.path.contains('a') || now > timestamp('2026-01-01T00:00:00Z')",
    "request.query.exists(name, name == 'a')",
    "cel.bind(request, 'a', request == 'a')",
    "request.path == 'a' ? true : false",
  ]) {
    test(`is none of these: ${when}`, () => {
      const compiled = compile(when)
      assert.ok(typeof compiled === 'function', JSON.stringify(compiled))
      assert.equal(compiled.quick, undefined)
    })
  }
})
