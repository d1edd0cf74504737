import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseMoney } from '../../../src/kernel/money.ts'
import { type ChainFacts, findChanges, findSmallerAmount, NO_MARKS, nearestRules } from '../../../src/policy/index.ts'
import { accessFacts, compiled, policyFile, riskFacts } from '../fixtures.ts'

function request(overrides: Parameters<typeof accessFacts>[0] = {}, more: Partial<ChainFacts> = {}): ChainFacts {
  return { ...accessFacts(overrides), scopesNeeded: [], risk: null, usedUp: [], ...more }
}

const access = (...rules: readonly string[]) =>
  compiled(policyFile('access', rules.map((rule) => `  - ${rule}`).join('\n')))

describe('the rule that a denied request came nearest to', () => {
  const bundle = access(
    '{ id: elsewhere, match: { methods: [POST], paths: [/v1/transfers] }, effect: allow }',
    '{ id: tagged, match: { tags: [beta] }, effect: allow }',
    '{ id: both, match: { scopes: [read, list], roles: [auditor] }, effect: allow }',
    '{ id: one, match: { scopes: [read], kinds: [member, operator] }, effect: allow }',
    '{ id: trial, match: { methods: [GET] }, mode: shadow, effect: allow }',
  )

  it('is the one that lacks least, and what it lacked is named', () => {
    const [nearest, next] = nearestRules(bundle, request(), 2)
    deepEqual([nearest?.rule, nearest?.lacks], ['access/one', ['the scope read']])
    deepEqual([next?.rule, next?.lacks], ['access/both', ['the scope read list', 'the role auditor']])
  })

  it('is one for another request only where no other is nearer', () => {
    const rules = nearestRules(bundle, request(), 9)
    deepEqual(rules.map(({ rule }) => rule).slice(2), ['access/tagged', 'access/elsewhere'])
    deepEqual(rules[2]?.lacks, ['the route tag beta'])
    deepEqual(rules[3]?.lacks, ['the method POST', 'the path /v1/transfers'])
  })

  it('has a condition that does not hold where its match does', () => {
    const [nearest] = nearestRules(access("{ id: gone, when: 'false', effect: allow }"), request(), 1)
    deepEqual(nearest?.lacks, ['that its condition holds: false'])
  })
})

describe('what would have let a refused request pass', () => {
  it('costs a refused caller no second search of a long list, and none for rules on other requests', () => {
    const bundle = compiled(
      policyFile('lists', "  - { name: good, cidrs: ['198.51.100.0/24'], owner: a, expires: '2030-01-01T00:00:00Z' }"),
      policyFile(
        'access',
        '  - { id: other, match: { methods: [PUT], lists: [good] }, effect: allow }\n' +
          '  - { id: listed, match: { methods: [GET], lists: [good] }, effect: allow }',
      ),
    )
    let searches = 0
    const lists = new Map(
      [...bundle.lists].map(([name, list]) => {
        const sample = (): string | null => {
          searches += 1
          return list.sample()
        }
        return [name, { ...list, sample }]
      }),
    )
    const watched = { ...bundle, lists }
    const other = request({ request: { method: 'PATCH' } })
    deepEqual([findChanges(watched, other), searches], [[], 0])
    const told = ['from an address in good']
    deepEqual([findChanges(watched, request()), findChanges(watched, request()), searches], [told, told, 1])
  })
})

describe('what would have let a refused request pass', () => {
  it('is one change where one will do', () => {
    const bundle = access(
      '{ id: a, match: { scopes: [x] }, effect: allow }',
      '{ id: b, match: { roles: [r] }, effect: allow }',
    )
    deepEqual(findChanges(bundle, request()), ['with the scope x', 'with the role r'])
  })

  it('is two together where one will not', () => {
    const bundle = access('{ id: a, match: { scopes: [x], kinds: [operator] }, effect: allow }')
    deepEqual(findChanges(bundle, request()), ['with the scope x and as an operator'])
    const needs = request({}, { scopesNeeded: ['y'] })
    deepEqual(findChanges(access('{ id: a, match: { roles: [r] }, effect: allow }'), needs), [
      'with the scope y and with the role r',
    ])
  })

  it('is never said when the real decision refuses it all the same', () => {
    const allowed = '{ id: a, match: { scopes: [x] }, effect: allow }'
    const denied = '{ id: no, when: \'"x" in principal.scopes\', effect: deny }'
    deepEqual(findChanges(access(denied, allowed), request()), [])
    deepEqual(findChanges(access(allowed.replace('effect', "when: 'false', effect")), request()), [])
  })

  it('is another sign-in where a rule asks for one', () => {
    const bundle = access(
      '{ id: strong, match: { methods: [GET] }, effect: { stepUp: { acr: [gold], maxAge: 5m } } }',
      '{ id: all, match: { methods: [GET] }, effect: allow }',
    )
    deepEqual(findChanges(bundle, request()), ['with a sign-in of gold and after signing in anew'])
    deepEqual(findChanges(bundle, request({ claims: { acr: 'gold' } })), ['after signing in anew'])
  })

  it('is another kind of caller where a denial is for one', () => {
    const bundle = access(
      '{ id: staff, match: { kinds: [member] }, effect: deny }',
      '{ id: all, match: { methods: [GET] }, effect: allow }',
    )
    deepEqual(findChanges(bundle, request()), ['as an operator'])
  })

  it('is another place where lists decide, and the firewall is passed before anyone asks for a token', () => {
    const lists = policyFile(
      'lists',
      '  - { name: bad, cidrs: [192.0.0.0/8] }\n  - { name: good, cidrs: ["2001:db8:7::/48", 198.51.100.64/26], owner: sec, expires: 2030-01-01T00:00:00Z }',
    )
    const bundle = compiled(
      lists,
      policyFile('firewall', '  - { id: bad, match: { lists: [bad] }, effect: deny }'),
      policyFile(
        'access',
        '  - { id: good, match: { lists: [good] }, effect: allow, owner: a, expires: 2027-01-01T00:00:00Z }',
      ),
    )
    deepEqual(findChanges(bundle, request({}, { principal: null })), ['from an address in good', 'from outside bad'])
    deepEqual(findChanges(bundle, request({ source: { ip: '10.0.0.9' } })), ['from an address in good'])
    deepEqual(nearestRules(bundle, request(), 1)[0]?.lacks, ['an address in good'])
  })

  it('is nothing for a request that passes, has no token, or used up a quota', () => {
    const bundle = compiled(
      policyFile('access', '  - { id: all, match: { methods: [GET] }, effect: allow }'),
      policyFile(
        'quota',
        '  - { id: q, match: { methods: [GET] }, effect: { throttle: { limit: 1, per: 1m, key: source, cost: request } } }',
      ),
    )
    const none = [request(), request({}, { principal: null }), request({}, { usedUp: ['quota/q'] })]
    for (const facts of none) deepEqual(findChanges(bundle, facts), [])
  })
})

describe('a smaller amount that would have passed', () => {
  const risk = (...rules: readonly string[]) =>
    compiled(policyFile('risk', rules.map((rule) => `  - ${rule}`).join('\n')))
  const of = (value: string) => {
    const amount = parseMoney({ currency: 'CNY', value })
    return typeof amount === 'object' ? riskFacts({ transfer: { ...riskFacts().transfer, amount } }) : riskFacts()
  }
  const rest = "{ id: rest, when: 'true', effect: accept }"

  it('is just below the band that stopped it', () => {
    const bundle = risk('{ id: much, match: { amount: { currency: CNY, from: "500.00" } }, effect: reject }', rest)
    equal(findSmallerAmount(bundle, of('800.00'), NO_MARKS), 'with an amount of at most CNY 499.99')
  })

  it('is found in conditions too, and below every band between', () => {
    const bundle = risk(
      `{ id: some, match: { amount: { currency: CNY, from: "100.00", below: "200.00" } }, effect: reject }`,
      `{ id: much, when: "transfer.amount > money('CNY', '500.00')", effect: reject }`,
      rest,
    )
    equal(findSmallerAmount(bundle, of('800.00'), NO_MARKS), 'with an amount of at most CNY 99.99')
  })

  it('is not said where the amount was not the reason', () => {
    const bundle = risk('{ id: never, when: "transfer.reference == \'rent\'", effect: reject }', rest)
    equal(findSmallerAmount(bundle, of('800.00'), NO_MARKS), null)
  })
})
