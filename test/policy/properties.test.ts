import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { accessFacts, compiled, policyFile } from './fixtures.ts'
import { bundleOf, conditionOf, EXCUSED, nameOf, outcomeOf, requests, ruleSets, without } from './rule-sets.ts'

/** Conditions that hold, do not hold, or can not be evaluated, depending on the facts. */
const when = fc.constantFrom(
  'true',
  'false',
  "request.method == 'GET'",
  "request.headers['x-one'] == '1'",
  "'a' in principal.scopes",
  "claims.level == 'high'",
)
const some = <T>(...values: readonly T[]) => fc.subarray([...values], { minLength: 1 })
const match = fc
  .record(
    {
      methods: some('GET', 'POST', 'PUT'),
      paths: some('/', '/v1/a', '/v1/*', '/**'),
      routes: some('r1', 'r2'),
      tags: some('money', 'public'),
      scopes: some('a', 'b'),
      kinds: some('member', 'operator', 'anonymous'),
    },
    { requiredKeys: [] },
  )
  .filter((keys) => Object.keys(keys).length > 0)
const condition = fc.oneof(fc.record({ match }), fc.record({ when }), fc.record({ match, when }))
const mode = fc.constantFrom('enforce', 'shadow')
const gateRule = fc.tuple(condition, fc.record({ effect: fc.constantFrom('allow', 'deny'), mode }))
const facts = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PATCH'),
    path: fc.constantFrom('/', '/v1/a', '/v1/b', '/v2'),
    route: fc.constantFrom('r1', 'r2', 'r3'),
    tags: fc.subarray(['money', 'public']),
    scopes: fc.subarray(['a', 'b']),
    kind: fc.constantFrom('member' as const, 'operator' as const, 'anonymous' as const),
    headers: fc.constantFrom<Record<string, string>>({}, { 'x-one': '1' }),
    claims: fc.constantFrom<Record<string, unknown>>({}, { level: 'high' }, { level: 7 }),
  })
  .map(({ method, path, route, tags, scopes, kind, headers, claims }) =>
    accessFacts({
      request: { method, path, headers },
      route: { id: route, tags },
      principal: { kind, scopes },
      claims,
    }),
  )

type Written = Readonly<Record<string, unknown>>
const written = (rules: readonly (readonly [object, object])[]): readonly Written[] =>
  rules.map(([condition, rest], index) => ({ id: `rule-${index}`, ...condition, ...rest }))
const gate = (rules: readonly Written[]) =>
  compiled(policyFile('access', stringify(rules, { aliasDuplicateObjects: false })))

describe('for rules of any kind and effect, and any request', () => {
  it('one more denial never lets a denied request pass', () => {
    const denied = fc
      .constantFrom('firewall' as const, 'access' as const)
      .chain((kind) => fc.record({ kind: fc.constant(kind), condition: conditionOf(kind), mode, place: fc.nat(12) }))
    fc.assert(
      fc.property(ruleSets, denied, requests, (rules, { kind, condition, mode, place }, request) => {
        const denial = { kind, id: 'denial', ...condition, mode, effect: 'deny' }
        const after = rules.toSpliced(1 + (place % (rules.length - 1)), 0, denial) // behind the rule that gives tags
        if (!outcomeOf(bundleOf(rules), request).passes) equal(outcomeOf(bundleOf(after), request).passes, false)
      }),
    )
  })

  it('rules in shadow change no outcome', () => {
    fc.assert(
      fc.property(ruleSets, requests, (rules, request) => {
        const shadow = new Set(rules.filter((rule) => rule.mode === 'shadow').map(nameOf))
        const { marks, ...decided } = outcomeOf(bundleOf(rules), request)
        const skips = marks.skips.filter((name) => !shadow.has(name)) // an enforced rule may skip one in shadow
        const all = { ...decided, marks: { ...marks, skips } }
        deepEqual(all, outcomeOf(bundleOf(without(rules, shadow)), request))
      }),
    )
  })

  it('a skip leaves out the rules that it names, and does nothing else', () => {
    fc.assert(
      fc.property(ruleSets, fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }), requests, (rules, picks, request) => {
        const names = rules.slice(1).map(nameOf)
        const skipped = new Set(picks.map((pick) => names[pick % (names.length - 1)] ?? ''))
        const effect = { skip: [...skipped, 'risk/last'] }
        const skip = { kind: 'firewall', id: 'skip', mode: 'enforce', when: 'true', effect, ...EXCUSED } as const
        const { marks, ...decided } = outcomeOf(bundleOf([...rules.slice(0, 1), skip, ...rules.slice(1)]), request)
        const { marks: left, ...expected } = outcomeOf(bundleOf(without(rules, skipped)), request)
        deepEqual(decided, expected)
        deepEqual(marks.tags, left.tags)
      }),
    )
  })
})

describe('for any access rules and any request', () => {
  it('the index finds what reading every rule finds', () => {
    fc.assert(
      fc.property(
        fc.array(gateRule, { minLength: 1, maxLength: 12 }),
        fc.array(facts, { minLength: 2 }),
        (rules, requests) => {
          const all = written(rules)
          const bundle = gate(all)
          for (const request of requests) {
            // Without an index: each rule alone in a bundle says whether it applies; the first in order decides.
            const applying = all.filter((rule) => gate([rule]).authorize(request).considered.length > 0)
            const expected = applying.map((rule) => `access/${rule['id']}`)
            const considered = bundle.authorize(request).considered.map(({ rule }) => rule)
            deepEqual(considered, expected.slice(0, considered.length))
            if (bundle.authorize(request).rule === 'access/default-deny') equal(considered.length, expected.length)
          }
        },
      ),
      { numRuns: 30 },
    )
  })
})
