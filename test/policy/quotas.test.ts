import { deepEqual, equal, match, notEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { money } from '../../src/kernel/money.ts'
import { type Bundle, compileBundle } from '../../src/policy/index.ts'
import { route } from './analysis/surface.ts'
import { accessFacts, compiled, NOW, policyFile } from './fixtures.ts'

const throttle = (id: string, limit: string, rest = "when: 'true'") =>
  `  - { id: ${id}, ${rest}, effect: { throttle: { ${limit} } } }`
const quotas = (...rules: string[]): Bundle => compiled(policyFile('quota', rules.join('\n')))

describe('quotas', () => {
  it('are all found that apply, each with its bucket and what the request costs', () => {
    const { charges } = quotas(
      throttle('calls', 'limit: 5, per: 10s, key: principal, cost: request'),
      throttle('money', "limit: { currency: CNY, value: '9.00' }, per: 1d, key: principal+route, cost: amount"),
      throttle('posts', 'limit: 1, per: 1s, key: source, cost: request', 'match: { methods: [POST] }'),
    ).quotas(accessFacts())
    deepEqual(
      charges.map(({ quota, key, points }) => [quota.name, key, points, quota.effect.allowance]),
      [
        [...['quota/calls', 'mem_1', 1], { unit: 'request', points: 5, windowMs: 10_000, limit: 5, perMs: 10_000 }],
        [
          ...['quota/money', 'accounts.read:mem_1', 'amount'],
          { unit: 'CNY', points: 9, windowMs: 86_400_000, limit: money('CNY', 900n), perMs: 86_400_000 },
        ],
      ],
    )
  })

  it('with a burst allow as much in the long run, and less at once', () => {
    const [charge] = quotas(throttle('calls', 'limit: 100, per: 1m, burst: 20, key: route, cost: request')).quotas(
      accessFacts(),
    ).charges
    const { points, windowMs } = charge?.quota.effect.allowance ?? {}
    deepEqual([points, windowMs], [20, 12_000])
  })

  it('gives a member one bucket whichever client acts, and tells the anonymous apart by address', () => {
    const bundle = quotas(throttle('calls', 'limit: 5, per: 10s, key: principal, cost: request'))
    const key = (principal: object, ip = '192.0.2.1') =>
      bundle.quotas(accessFacts({ principal, source: { ip } })).charges[0]?.key
    equal(key({ id: 'app-1' }), key({ id: 'app-2', client: 'other' }))
    notEqual(key({ kind: 'operator', id: 'op', member: '' }), key({ kind: 'operator', id: 'op-2', member: '' }))
    const anonymous = { kind: 'anonymous', id: '', member: '' }
    notEqual(key(anonymous, '192.0.2.1'), key(anonymous, '192.0.2.2'))
  })

  it('counts all addresses of a network of IPv6 as one, since whoever has one has all', () => {
    const bundle = quotas(throttle('calls', 'limit: 5, per: 10s, key: source, cost: request'))
    const bucketOf = (ip: string) => bundle.quotas(accessFacts({ source: { ip } })).charges[0]?.key
    equal(bucketOf('2001:db8:0:4200::1'), bucketOf('2001:db8:0:42ff:ffff::9'))
    notEqual(bucketOf('2001:db8:0:4200::1'), bucketOf('2001:db8:0:4300::1'))
    equal(bucketOf('::ffff:192.0.2.1'), bucketOf('192.0.2.1'))
    notEqual(bucketOf('192.0.2.2'), bucketOf('192.0.2.1'))
  })

  it('counts by a rule that can not be evaluated', () => {
    const failing = `when: "request.headers['x-none'] == ''"`
    const bundle = quotas(throttle('calls', 'limit: 5, per: 10s, key: source, cost: request', failing))
    equal(bundle.quotas(accessFacts()).charges.length, 1)
  })
})

const celKey = (cel: string) => `limit: 5, per: 10s, key: { cel: "${cel}" }, cost: request`
const celCost = (cel: string) => `limit: 5, per: 10s, key: route, cost: { cel: "${cel}" }`
const firstOf = (rule: string, facts = accessFacts()) => {
  const { charges, considered } = quotas(rule).quotas(facts)
  return { key: charges[0]?.key, points: charges[0]?.points, considered }
}

describe('the key of a quota', () => {
  it('is the client, the route, or whatever an expression makes of the facts', () => {
    const facts = accessFacts({ principal: { client: 'app-1' }, claims: { tenant: 'blue', shard: 7 } })
    equal(firstOf(throttle('q', 'limit: 5, per: 10s, key: client, cost: request'), facts).key, 'client:app-1')
    equal(firstOf(throttle('q', celKey('claims.tenant')), facts).key, 'blue')
    equal(firstOf(throttle('q', celKey('claims.tenant + request.method')), facts).key, 'blueGET')
    equal(firstOf(throttle('q', celKey('claims.shard')), facts).key, '7')
  })

  it('is one and the same for all whose key can not be told, and the receipt says so', () => {
    for (const claims of [{}, { tenant: ['blue'] }, { tenant: null }]) {
      const { key, considered } = firstOf(throttle('q', celKey('claims.tenant')), accessFacts({ claims }))
      equal(key, '')
      deepEqual(
        considered.map(({ rule, outcome, effect }) => [rule, outcome, effect]),
        [['quota/q', 'error', 'throttle']],
      )
    }
  })

  it('is among the facts that a receipt keeps', () => {
    deepEqual(quotas(throttle('q', celKey('claims.tenant'))).reads.quota, ['claims.tenant'])
  })
})

describe('the cost of a request', () => {
  const queried = (n: string) => accessFacts({ request: { query: { n } } })
  const cost = throttle('q', celCost("int(request.query['n'])"))

  it('is what the rule says, or an expression finds, from 1 to the whole bucket', () => {
    equal(firstOf(throttle('q', 'limit: 5, per: 10s, key: route, cost: 3')).points, 3)
    deepEqual(
      ['-4', '0', '2', '5', '900000000000'].map((n) => firstOf(cost, queried(n)).points),
      [1, 1, 2, 5, 5],
    )
  })

  it('is the whole bucket where it can not be told: an error is no way around a quota', () => {
    const { points, considered } = firstOf(cost, queried('many'))
    deepEqual([points, considered.map(({ outcome }) => outcome)], [5, ['error']])
  })
})

describe('what is wrong with a quota', () => {
  const codes = (limit: string, options: Parameters<typeof compileBundle>[2] = {}) => {
    const file = policyFile('quota', throttle('q', limit))
    return compileBundle([file], NOW, options).findings.map(({ code, line, column }) => ({ code, line, column }))
  }

  it('is found where it stands', () => {
    const cases: readonly (readonly [string, string, string])[] = [
      [celKey('claims.tenat == 1'), 'type', '"claims.tenat'],
      [celKey('principal.clinet'), 'unknown-name', 'clinet'],
      [celCost("'1'"), 'type', `"'1'"`],
      ['limit: 5, per: 10s, key: route, cost: 6', 'shape', '6'],
      ['limit: 5, per: 10s, burst: { currency: CNY, value: "1.00" }, key: route, cost: request', 'shape', '{ currency'],
      ['limit: 1000, per: 1s, burst: 5, key: route, cost: request', 'too-short', '5, key'],
      ['limit: 100, per: 5ms, key: route, cost: request', 'too-short', '5ms'],
    ]
    for (const [limit, code, at] of cases) {
      const [first] = codes(limit)
      const file = policyFile('quota', throttle('q', limit))
      const line = file.text.split('\n')[(first?.line ?? 1) - 1] ?? ''
      equal(first?.code, code, limit)
      match(line.slice((first?.column ?? 1) - 1), new RegExp(`^${RegExp.escape(at)}`), limit)
    }
  })

  it('is silence on what happens without Redis, where edges share counts and it may count what moves money', () => {
    const limit = 'limit: 5, per: 10s, key: route, cost: request'
    const moving = { routes: [route('pay', '/pay', { methods: ['POST'], tags: ['money'] })] }
    const reading = { routes: [route('see', '/see')] }
    const found = (...given: Parameters<typeof codes>) => codes(...given).map(({ code }) => code)
    deepEqual(found(limit, { surface: moving, shared: true }).includes('no-on-error'), true)
    deepEqual(found(limit, { surface: moving }).includes('no-on-error'), false)
    deepEqual(found(limit, { surface: reading, shared: true }).includes('no-on-error'), false)
    for (const onError of ['closed', 'local', '{ local: { share: 0.5 } }']) {
      const said = found(`${limit}, onError: ${onError}`, { surface: moving, shared: true })
      deepEqual(said.includes('no-on-error'), false, onError)
    }
  })
})
