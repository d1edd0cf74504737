import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { accessFacts, compiled, policyFile, riskFacts } from './fixtures.ts'

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

describe('for any access rules and any request', () => {
  it('one more denial never lets a denied request pass', () => {
    fc.assert(
      fc.property(fc.array(gateRule, { minLength: 1, maxLength: 6 }), condition, mode, fc.nat(6), facts, (...given) => {
        const [rules, denialCondition, denialMode, place, request] = given
        const before = written(rules)
        const after = before.toSpliced(place, 0, { id: 'denial', ...denialCondition, effect: 'deny', mode: denialMode })
        if (gate(before).authorize(request).effect === 'deny') equal(gate(after).authorize(request).effect, 'deny')
      }),
    )
  })

  it('rules in shadow change no outcome', () => {
    fc.assert(
      fc.property(fc.array(gateRule, { minLength: 1, maxLength: 6 }), facts, (rules, request) => {
        const all = written(rules)
        const enforced = all.filter((rule) => rule['mode'] === 'enforce')
        fc.pre(enforced.length > 0)
        const withShadow = gate(all).authorize(request)
        const without = gate(enforced).authorize(request)
        deepEqual({ ...withShadow, considered: withShadow.considered.filter((one) => one.mode === 'enforce') }, without)
      }),
    )
  })

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

it('For any risk rules and any transfer, rules in shadow change no outcome', () => {
  const HOLD = { hold: { approvals: 1, expiresAfter: '1h', onTimeout: 'decline' } }
  const riskRule = fc.record({
    when: fc.constantFrom(
      'true',
      'provider.score > 3',
      "transfer.amount > money('USD', '1.00')",
      "provider.decision == 'Review'",
    ),
    effect: fc.constantFrom('accept', 'review', 'reject', HOLD),
    mode,
  })
  const transfer = fc
    .record({ score: fc.nat(5), decision: fc.constantFrom('Accept', 'Review') })
    .map((provider) => riskFacts({ provider }))
  fc.assert(
    fc.property(fc.array(riskRule, { minLength: 1, maxLength: 6 }), transfer, (rules, given) => {
      const all = rules.map((rule, index) => ({ id: `rule-${index}`, ...rule }))
      const enforced = all.filter((rule) => rule.mode === 'enforce')
      fc.pre(enforced.length > 0)
      const assess = (some: readonly object[]) =>
        compiled(policyFile('risk', stringify(some, { aliasDuplicateObjects: false }))).assess(given)
      const verdict = assess(all)
      const considered = verdict.considered.filter((one) => one.mode === 'enforce')
      deepEqual({ ...verdict, considered }, assess(enforced))
    }),
  )
})
