import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { money } from '../../../src/kernel/money.ts'
import type { Marks } from '../../../src/policy/decide/marks.ts'
import type { AccessFacts, RiskFacts, SourceFile } from '../../../src/policy/index.ts'
import { accessFacts, compiled, policyFile, riskFacts } from '../fixtures.ts'

const ENDS = "owner: ann, expires: '2027-01-01T00:00:00Z'" // any rule may lean on them
const LISTS = policyFile(
  'lists',
  `  - { name: wide, cidrs: [192.0.2.0/24, '2001:db8::/32'], ${ENDS} }
  - { name: narrow, cidrs: [192.0.2.128/25], ${ENDS} }
  - { name: near, countries: [CN, NO], ${ENDS} }
  - { name: far, countries: [SE], ${ENDS} }`,
)
const TAGS = policyFile('firewall', "  - { id: tags, when: 'false', effect: { tag: [t1, t2, t3, seen] } }")
const some = <T>(...values: readonly T[]) => fc.subarray([...values], { minLength: 1 })
const lists = some('wide', 'narrow', 'near', 'far')
const tagged = some('t1', 't2', 't3')
const accessMatch = fc.record(
  {
    methods: some('GET', 'POST', 'PUT'),
    paths: some('/', '/v1/a', '/v1/*', '/*/a', '/**', '/v1/**', '/v1/a/**', '/v1/*/b'),
    routes: some('r1', 'r2', 'r3'),
    tags: some('money', 'public'),
    lists,
    tagged,
    scopes: some('a', 'b', 'c'),
    kinds: some('member', 'operator', 'anonymous'),
    roles: some('teller', 'clerk'),
  },
  { requiredKeys: [] },
)
const amountText = fc.constantFrom('0.00', '1.00', '5.00', '9.99', '10.00')
const riskMatch = fc.record(
  {
    lists,
    tagged,
    amount: fc
      .record(
        { currency: fc.constantFrom('CNY', 'USD'), from: amountText, below: amountText },
        { requiredKeys: ['currency', 'from'] },
      )
      .filter(({ from, below }) => below === undefined || Number(from) < Number(below)),
  },
  { requiredKeys: [] },
)
const marks = fc.subarray(['t1', 't2']).map((tags): Marks => ({ tags, skips: [] }))
const ip = fc.constantFrom('192.0.2.1', '192.0.2.200', '198.51.100.1', '2001:db8::7', 'no address')
const source = fc.record({ ip, country: fc.constantFrom('', 'CN', 'SE', 'FR') })
const request = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PATCH'),
    path: fc.constantFrom('/', '/v1', '/v1/', '/v1/a', '/v1/a/b', '/v2/a', '//a'),
    route: fc.constantFrom('r1', 'r2', 'r9'),
    tags: fc.subarray(['money', 'public']),
    source,
    scopes: fc.subarray(['a', 'b', 'c']),
    kind: fc.constantFrom('member' as const, 'operator' as const, 'anonymous' as const),
    roles: fc.subarray(['teller', 'clerk']),
  })
  .map(({ method, path, route, tags, source, ...principal }) =>
    accessFacts({ request: { method, path }, route: { id: route, tags }, source, principal }),
  )
const transfer = fc
  .record({ currency: fc.constantFrom('CNY' as const, 'USD' as const, 'KWD' as const), minor: fc.nat(1_100), source })
  .map(({ currency, minor, source }) => riskFacts({ transfer: { amount: money(currency, BigInt(minor)) }, source }))

type Written = { readonly match: object; readonly effect: unknown }
/** Shadows, so that every rule is looked at to the end; and tags, which change what rules behind them see. */
const rulesOf = (match: fc.Arbitrary<object>, kinds: readonly string[]) => {
  const effect = fc.constantFrom<unknown>(...kinds, { tag: ['t2'] }, { tag: ['t3', 't1'] })
  return fc.array(fc.record({ match, effect }), { minLength: 1, maxLength: 40 }).map((rules) =>
    rules.map(({ match, effect }: Written, place) => ({
      id: `rule-${place}`,
      ...(Object.keys(match).length === 0 ? { when: 'true' } : { match }),
      effect,
      ...(typeof effect === 'string' ? { mode: 'shadow' } : {}),
    })),
  )
}

const file = (kind: 'access' | 'risk', rules: readonly object[]): SourceFile =>
  policyFile(kind, stringify(rules, { aliasDuplicateObjects: false }))

/** What is considered without an index: each rule alone in a bundle, with the tags that the rules before it left. */
function walked(
  rules: readonly object[],
  from: Marks,
  decide: (rule: object, marks: Marks) => { readonly considered: readonly unknown[]; readonly marks: Marks },
) {
  let marks = from
  const considered = rules.flatMap((rule) => {
    const verdict = decide(rule, marks)
    marks = verdict.marks
    return verdict.considered
  })
  return { considered, marks }
}

describe('the index finds what reading every rule finds', () => {
  it('for any access rules and any request', () => {
    fc.assert(
      fc.property(rulesOf(accessMatch, ['allow', 'deny']), marks, fc.array(request, { minLength: 1 }), (...given) => {
        const [rules, from, requests] = given
        const bundle = compiled(LISTS, TAGS, file('access', rules))
        const alone = new Map(rules.map((rule) => [rule as object, compiled(LISTS, TAGS, file('access', [rule]))]))
        for (const facts of requests as readonly AccessFacts[]) {
          const { considered, marks } = bundle.authorize(facts, from)
          const decide = (rule: object, now: Marks) => (alone.get(rule) ?? bundle).authorize(facts, now)
          deepEqual({ considered, marks }, walked(rules, from, decide))
        }
      }),
      { numRuns: 40 },
    )
  })

  it('for any risk rules and any transfer', () => {
    fc.assert(
      fc.property(rulesOf(riskMatch, ['accept', 'reject']), marks, fc.array(transfer, { minLength: 1 }), (...given) => {
        const [rules, from, transfers] = given
        const bundle = compiled(LISTS, TAGS, file('risk', rules))
        const alone = new Map(rules.map((rule) => [rule as object, compiled(LISTS, TAGS, file('risk', [rule]))]))
        for (const facts of transfers as readonly RiskFacts[]) {
          const { considered, marks } = bundle.assess(facts, from)
          const decide = (rule: object, now: Marks) => (alone.get(rule) ?? bundle).assess(facts, now)
          deepEqual({ considered, marks }, walked(rules, from, decide))
        }
      }),
      { numRuns: 40 },
    )
  })
})

it('A rule behind one that tags is found by the tag', () => {
  const quiet = Array.from({ length: 20 }, (_, place) => ({
    id: `quiet-${place}`,
    match: { tagged: [`other-${place % 9}`] },
    effect: 'allow',
  }))
  const others = quiet.flatMap(({ match }) => match.tagged)
  const rules = [
    { id: 'others', when: 'false', effect: { tag: others.slice(0, 9) } },
    { id: 'tags', match: { methods: ['GET'] }, effect: { tag: ['seen'] } },
    ...quiet,
    { id: 'seen', match: { tagged: ['seen'] }, effect: 'allow' },
  ]
  equal(compiled(file('access', rules)).authorize(accessFacts()).rule, 'access/seen')
})
