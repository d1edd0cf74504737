import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { accessFacts, compiled, NOW, policyFile } from '../fixtures.ts'

const LISTS = policyFile(
  'lists',
  '  - { name: bad, cidrs: [203.0.113.0/24], owner: sec, expires: 2030-01-01T00:00:00Z }\n  - { name: good, cidrs: [203.0.113.7], owner: sec, expires: 2030-01-01T00:00:00Z }',
)
const bundleOf = (rules: string | readonly object[]) =>
  compiled(
    LISTS,
    policyFile('firewall', typeof rules === 'string' ? rules : stringify(rules, { aliasDuplicateObjects: false })),
    // Every list is used by a rule, whatever the firewall asks for.
    policyFile('access', '  - { id: none, match: { lists: [bad, good] }, effect: deny }'),
  )
const BAD = '  - { id: bad, match: { lists: [bad] }, effect: deny }'
const source = (ip: string) => ({ ip, country: '' })
const OWNED = 'owner: security, expires: 2030-01-01T00:00:00Z'

describe('a denial is enforced when the connection is accepted', () => {
  const cases: Record<string, readonly [rules: string, effect: 'allow' | 'deny']> = {
    'of a list of addresses': [BAD, 'deny'],
    'by a condition on the source': ["  - { id: a, when: source.ip.startsWith('203.'), effect: deny }", 'deny'],
    'not of a rule in shadow': [BAD.replace('effect', 'mode: shadow, effect'), 'allow'],
    'not of a rule that looks at more': [BAD.replace('lists:', 'methods: [GET], lists:'), 'allow'],
    'not of one that does not look at the source: everyone is answered': [
      "  - { id: a, when: 'true', effect: deny }",
      'allow',
    ],
    'behind a denial that looks at more': [`  - { id: a, match: { methods: [PUT] }, effect: deny }\n${BAD}`, 'deny'],
    'not behind an allow that looks at more': [
      `  - { id: a, match: { methods: [GET] }, effect: allow }\n${BAD}`,
      'allow',
    ],
    'behind an allow that looks at more, in shadow': [
      `  - { id: a, match: { methods: [GET] }, effect: allow, mode: shadow }\n${BAD}`,
      'deny',
    ],
    'not of an address that an earlier rule allows': [
      `  - { id: a, when: source.ip == '203.0.113.9', effect: allow }\n${BAD}`,
      'allow',
    ],
    'not of a rule that an earlier one may skip': [
      `  - { id: a, match: { methods: [GET] }, effect: { skip: [firewall/bad] }, ${OWNED} }\n${BAD}`,
      'allow',
    ],
  }
  for (const [what, [rules, effect]] of Object.entries(cases)) {
    test(what, () => assert.equal(bundleOf(rules).accept(source('203.0.113.9'), NOW).effect, effect))
  }

  test('and names its rule', () => {
    const verdict = bundleOf(BAD).accept(source('203.0.113.9'), NOW)
    assert.deepEqual([verdict.effect, verdict.rule], ['deny', 'firewall/bad'])
    assert.deepEqual(
      verdict.considered.map(({ outcome }) => outcome),
      ['matched'],
    )
  })
})

const looking = fc.constantFrom(
  { match: { lists: ['bad'] } },
  { match: { lists: ['good'] } },
  { when: "source.ip == '203.0.113.9'" },
  { when: 'source.ip.endsWith("7")' },
  { when: "now > timestamp('2020-01-01T00:00:00Z')" },
  { when: "source.ip.matches('^2') && [1][source.ip.size()] == 1" }, // an error, always
  { match: { methods: ['GET'] } },
  { match: { lists: ['bad'], methods: ['GET'] } },
  { when: "request.path == '/a' && source.ip != ''" },
  { when: "request.headers['x-one'] == '1'" },
  { when: "'seen' in tags" },
)
const doing = fc.constantFrom('allow', 'deny', 'tag', 'skip')
const rule = fc.tuple(looking, doing, fc.constantFrom('enforce', 'shadow'), fc.nat(6))
const request = fc
  .record({
    ip: fc.constantFrom('203.0.113.7', '203.0.113.9', '198.51.100.1'),
    method: fc.constantFrom('GET', 'POST'),
    path: fc.constantFrom('/a', '/b'),
    headers: fc.constantFrom<Record<string, string>>({}, { 'x-one': '1' }),
  })
  .map(({ ip, ...asked }) => accessFacts({ request: asked, source: { ip } }))

test('For any firewall rules, no source is refused at its connection of which any request would pass the screen', () => {
  let refused = 0
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 7 }), fc.array(request, { minLength: 4 }), (rules, asked) => {
      const written = rules.map(([looks, effect, mode, target], index) => {
        const behind = index + 1 + (target % Math.max(1, rules.length - index - 1))
        const shared = { id: `r${index}`, ...looks, mode, owner: 'security', expires: '2030-01-01T00:00:00Z' }
        if (effect === 'tag') return { ...shared, effect: { tag: ['seen'] } }
        if (effect !== 'skip') return { ...shared, effect }
        return { ...shared, effect: behind < rules.length ? { skip: [`firewall/r${behind}`] } : 'deny' }
      })
      const bundle = bundleOf(written)
      for (const facts of asked) {
        if (bundle.accept(facts.source, facts.now).effect === 'allow') continue
        refused += 1
        assert.notEqual(bundle.screen(facts).effect, 'allow')
      }
    }),
    { numRuns: 400 },
  )
  assert.ok(refused > 100, `${refused} were refused`)
})
