import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NO_MARKS } from '../../src/policy/index.ts'
import { accessFacts, compiled, NOW, policyFile, riskFacts } from './fixtures.ts'

const FAILING = "when: \"request.headers['x-missing'] == '1'\""
const LOOSENS = "owner: security, expires: '2027-01-01T00:00:00Z'"
const ALLOW = "  - { id: all, when: 'true', effect: allow }"

describe('skip', () => {
  const skip = (keys: string, names: string) => `  - { id: skip, ${keys}, effect: { skip: [${names}] }, ${LOOSENS} }`
  const denials = "  - { id: one, when: 'true', effect: deny }\n  - { id: two, when: 'true', effect: deny }"

  it('leaves out the rules it names, and says which of them would have applied', () => {
    const rules = `${skip("when: 'true'", 'access/one, access/never')}\n${denials}\n  - { id: never, when: 'false', effect: deny }`
    const { rule, considered, marks } = compiled(policyFile('access', rules)).authorize(accessFacts())
    equal(rule, 'access/two')
    deepEqual(
      considered.map((one) => [one.rule, one.outcome]),
      [
        ['access/skip', 'matched'],
        ['access/one', 'skipped'],
        ['access/two', 'matched'],
      ],
    )
    deepEqual(marks.skips, ['access/one', 'access/never'])
  })

  it('reaches kinds that are decided later', () => {
    const bundle = compiled(
      policyFile('firewall', skip("when: 'true'", 'quota/calls, access/one, risk/stop')),
      policyFile(
        'quota',
        "  - { id: calls, when: 'true', effect: { throttle: { limit: 1, per: 1s, key: source, cost: request } } }",
      ),
      policyFile('access', `  - { id: one, when: 'true', effect: deny }\n${ALLOW}`),
      policyFile(
        'risk',
        "  - { id: stop, when: 'true', effect: reject }\n  - { id: go, when: 'true', effect: accept }",
      ),
    )
    const { marks } = bundle.screen(accessFacts())
    const { charges, considered } = bundle.quotas(accessFacts(), marks)
    deepEqual(charges, [])
    deepEqual(
      considered.map((one) => [one.rule, one.outcome]),
      [['quota/calls', 'skipped']],
    )
    equal(bundle.authorize(accessFacts(), marks).effect, 'allow')
    equal(bundle.assess(riskFacts(), marks).outcome, 'accept')
    equal(bundle.assess(riskFacts()).outcome, 'reject')
  })

  it('has no effect in shadow, nor when it can not be evaluated', () => {
    for (const keys of ["when: 'true', mode: shadow", FAILING]) {
      const bundle = compiled(policyFile('access', `${skip(keys, 'access/one')}\n${denials}`))
      const { rule, considered, marks } = bundle.authorize(accessFacts())
      equal(rule, 'access/one')
      match(considered[0]?.outcome ?? '', /shadow|error/)
      deepEqual(marks, NO_MARKS)
    }
  })

  it('leaves out a denial that can not be evaluated, which is still said to be broken', () => {
    const rules = `${skip("when: 'true'", 'access/broken')}\n  - { id: broken, ${FAILING}, effect: deny }\n${ALLOW}`
    const { effect, considered } = compiled(policyFile('access', rules)).authorize(accessFacts())
    equal(effect, 'allow')
    equal(considered[1]?.outcome, 'skipped')
    match(considered[1]?.detail ?? '', /x-missing/)
  })
})

describe('tag', () => {
  const tag = (keys = "when: 'true'") => `  - { id: tag, ${keys}, effect: { tag: [partner, batch] } }`
  const OTHER = "  - { id: other, when: 'false', effect: { tag: [other, hot] } }"

  it('is seen by match and by conditions of rules behind', () => {
    for (const keys of ['match: { tagged: [other, batch] }', 'when: "\'partner\' in tags"']) {
      const rules = `${tag()}\n${OTHER}\n  - { id: seen, ${keys}, effect: deny }\n${ALLOW}`
      equal(compiled(policyFile('access', rules)).authorize(accessFacts()).rule, 'access/seen')
    }
  })

  it('is not seen by rules before', () => {
    const rules = `  - { id: seen, when: "'partner' in tags", effect: deny }\n${tag()}\n${ALLOW}`
    equal(compiled(policyFile('access', rules)).authorize(accessFacts()).effect, 'allow')
  })

  it('goes along with the request, each name once', () => {
    const bundle = compiled(policyFile('access', `${tag()}\n${ALLOW}`))
    deepEqual(bundle.authorize(accessFacts(), { tags: ['batch', 'old'], skips: [] }).marks.tags, [
      'batch',
      'old',
      'partner',
    ])
  })

  it('has no effect in shadow, nor when it can not be evaluated', () => {
    for (const keys of ["when: 'true', mode: shadow", FAILING]) {
      const bundle = compiled(policyFile('access', `${tag(keys)}\n${ALLOW}`))
      deepEqual(bundle.authorize(accessFacts()).marks, NO_MARKS)
    }
  })

  it('is a fact of the risk rules too', () => {
    const bundle = compiled(
      policyFile('access', OTHER),
      policyFile(
        'risk',
        "  - { id: hot, match: { tagged: [hot] }, effect: reject }\n  - { id: go, when: 'true', effect: accept }",
      ),
    )
    equal(bundle.assess(riskFacts(), { tags: ['hot'], skips: [] }).outcome, 'reject')
    equal(bundle.assess(riskFacts()).outcome, 'accept')
  })
})

describe('stepUp', () => {
  const demand = (keys: string, written = '{ acr: [gold, platinum], maxAge: 5m }') =>
    compiled(policyFile('access', `  - { id: strong, ${keys}, effect: { stepUp: ${written} } }\n${ALLOW}`))
  const seconds = (ageS: number) => NOW / 1000 - ageS

  it('refuses a token that does not tell of the sign-in, and says what would do', () => {
    const verdict = demand("when: 'true', why: Sign in again.").authorize(accessFacts())
    const { considered: _, marks: __, ...told } = verdict
    deepEqual(told, {
      effect: 'stepUp',
      rule: 'access/strong',
      status: 401,
      code: 'step_up_required',
      acr: ['gold', 'platinum'],
      maxAgeMs: 300_000,
      why: 'Sign in again.',
      remedy: null,
      tells: 'why',
    })
  })

  const cases: readonly [what: string, claims: Record<string, unknown>, passes: boolean][] = [
    ['an acr of the list and a fresh sign-in', { acr: 'platinum', auth_time: seconds(300) }, true],
    ['a sign-in a second too old', { acr: 'gold', auth_time: seconds(301) }, false],
    ['a sign-in of the next minute', { acr: 'gold', auth_time: seconds(-60) }, false],
    ['a sign-in within the clock skew', { acr: 'gold', auth_time: seconds(-30) }, true],
    ['another acr', { acr: 'silver', auth_time: seconds(1) }, false],
    ['acrs in a list', { acr: ['gold'], auth_time: seconds(1) }, false],
    ['no time', { acr: 'gold' }, false],
    ['a time in words', { acr: 'gold', auth_time: String(seconds(1)) }, false],
    ['a time that is no number', { acr: 'gold', auth_time: Number.NaN }, false],
  ]
  for (const [what, claims, passes] of cases) {
    it(`${passes ? 'is satisfied by' : 'asks again for'} ${what}`, () => {
      const { effect, considered } = demand("when: 'true'").authorize(accessFacts({ claims }))
      equal(effect, passes ? 'allow' : 'stepUp')
      equal(considered[0]?.outcome, passes ? 'satisfied' : 'matched')
    })
  }

  it('asks for no more than it says', () => {
    equal(demand("when: 'true'", '{ acr: [gold] }').authorize(accessFacts({ claims: { acr: 'gold' } })).effect, 'allow')
    const fresh = accessFacts({ claims: { auth_time: seconds(9) } })
    equal(demand("when: 'true'", '{ maxAge: 10s }').authorize(fresh).effect, 'allow')
  })

  it('asks when it can not be evaluated, and changes nothing in shadow', () => {
    equal(demand(FAILING).authorize(accessFacts()).effect, 'stepUp')
    equal(demand("when: 'true', mode: shadow").authorize(accessFacts()).effect, 'allow')
  })
})

describe('what callers name', () => {
  const named = { constructor: 'x', toString: 'y', hasOwnProperty: 'z' }
  const facts = accessFacts({
    request: { headers: named, query: JSON.parse('{ "constructor": "x", "__proto__": "p" }') },
    claims: { ...named, deep: { constructor: ['x'] } },
  })
  const conditions = [
    "request.headers['constructor'] == 'x'",
    "!('valueOf' in request.headers)",
    "request.query['__proto__'] == 'p'",
    "request.query.exists(name, name == 'constructor')",
    "claims.constructor == 'x' && claims.deep.constructor[0] == 'x' && !has(claims.valueOf)",
  ]
  for (const condition of conditions) {
    it(`is read like any other name: ${condition}`, () => {
      const rule = `  - { id: one, when: "${condition}", effect: allow }`
      const { effect, considered } = compiled(policyFile('access', rule)).authorize(facts)
      equal(effect, 'allow', considered[0]?.detail ?? '')
    })
  }
})

describe('facts of a request', () => {
  it('have roles for match, any of which will do', () => {
    const bundle = compiled(policyFile('access', '  - { id: one, match: { roles: [auditor, teller] }, effect: allow }'))
    equal(bundle.authorize(accessFacts({ principal: { roles: ['teller'] } })).effect, 'allow')
    equal(bundle.authorize(accessFacts({ principal: { roles: ['clerk'] } })).effect, 'deny')
  })

  it('have the time, the country and the roles for conditions', () => {
    const when = "now > timestamp('2026-01-01T00:00:00Z') && source.country == 'CN' && 'clerk' in principal.roles"
    const bundle = compiled(policyFile('access', `  - { id: one, when: "${when}", effect: allow }`))
    const facts = accessFacts({ source: { country: 'CN' }, principal: { roles: ['clerk'] } })
    equal(bundle.authorize(facts).effect, 'allow')
  })
})

it('A bundle lists its rules, and which facts they read', () => {
  const bundle = compiled(
    policyFile(
      'access',
      "  - { id: one, match: { methods: [GET], tagged: [a] }, when: \"request.headers['x'] == ''\", effect: deny }",
    ),
    policyFile('firewall', "  - { id: two, when: 'true', effect: { tag: [a] }, mode: shadow, owner: ann, why: So. }"),
  )
  const [two, one] = bundle.rules
  const known = { kind: 'firewall', mode: 'shadow', effect: 'tag', file: 'firewall.yaml', line: 3, owner: 'ann' }
  deepEqual({ ...two, ...known, name: 'firewall/two', why: 'So.' }, two)
  deepEqual(one?.reads, ['request.headers.x', 'request.method', 'tags'])
  deepEqual(bundle.reads.access, one?.reads)
  deepEqual(bundle.reads.firewall, [])
})
