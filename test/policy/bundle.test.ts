import { deepEqual, doesNotMatch, equal, match, notEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { money } from '../../src/kernel/money.ts'
import { NO_MARKS } from '../../src/policy/index.ts'
import { accessFacts, compiled, policyFile, riskFacts } from './fixtures.ts'

const SHADOW_DENY = "  - { id: trial, when: 'true', effect: deny, mode: shadow }"
const FAILING = "request.headers['x-missing'] == '1'"

describe('a gate', () => {
  const allowRule = "  - { id: all, when: 'true', effect: allow }"

  it('lets the first enforced rule decide, and does not look behind it', () => {
    const rules = `  - { id: posts, match: { methods: [POST] }, effect: deny }\n${SHADOW_DENY}\n${allowRule}\n  - { id: late, when: 'true', effect: deny }`
    const verdict = compiled(policyFile('access', rules)).authorize(accessFacts())
    deepEqual(verdict, {
      effect: 'allow',
      rule: 'access/all',
      considered: [
        { rule: 'access/trial', outcome: 'shadow', mode: 'shadow', effect: 'deny' },
        { rule: 'access/all', outcome: 'matched', mode: 'enforce', effect: 'allow' },
      ],
      marks: NO_MARKS,
    })
  })

  it('of access denies by default, one of the firewall allows', () => {
    const never = "  - { id: never, when: 'false', effect: deny }"
    const bundle = compiled(policyFile('access', never), policyFile('firewall', never))
    const { effect, rule } = bundle.authorize(accessFacts())
    deepEqual([effect, rule], ['deny', 'access/default-deny'])
    deepEqual(bundle.screen(accessFacts()), {
      effect: 'allow',
      rule: 'firewall/default-allow',
      considered: [],
      marks: NO_MARKS,
    })
  })

  it('tells status, code, why and remedy of a denial', () => {
    const rule =
      "  - { id: gone, when: 'true', effect: { deny: { code: route_not_found } }, why: No such thing., remedy: Go. }"
    const verdict = compiled(policyFile('firewall', rule)).screen(accessFacts())
    const { considered: _, marks: __, ...told } = verdict
    deepEqual(told, {
      effect: 'deny',
      rule: 'firewall/gone',
      status: 404,
      code: 'route_not_found',
      why: 'No such thing.',
      remedy: 'Go.',
      tells: 'why',
    })
  })

  it('denies when a denial can not be evaluated', () => {
    const rules = `  - { id: broken, when: "${FAILING}", effect: deny }\n${allowRule}`
    const verdict = compiled(policyFile('access', rules)).authorize(accessFacts())
    deepEqual([verdict.effect, verdict.rule], ['deny', 'access/broken'])
    match(verdict.considered[0]?.detail ?? '', /x-missing/)
  })

  it('does not allow when a permission can not be evaluated', () => {
    const rule = `  - { id: broken, when: "${FAILING}", effect: allow }`
    const verdict = compiled(policyFile('access', rule)).authorize(accessFacts())
    deepEqual([verdict.effect, verdict.rule], ['deny', 'access/default-deny'])
    deepEqual(
      verdict.considered.map(({ rule, outcome }) => [rule, outcome]),
      [['access/broken', 'error']],
    )
  })

  it('denies when an address can not be looked up', () => {
    const lists = policyFile('lists', '  - { name: far, cidrs: [198.51.100.0/24] }')
    const rules = policyFile('firewall', '  - { id: far, match: { lists: [far] }, effect: deny }')
    const bundle = compiled(lists, rules)
    equal(bundle.screen(accessFacts()).effect, 'allow')
    equal(bundle.screen(accessFacts({ source: { ip: '198.51.100.7' } })).effect, 'deny')
    equal(bundle.screen(accessFacts({ source: { ip: 'unknown' } })).effect, 'deny')
  })
})

describe('match', () => {
  const facts = accessFacts({ route: { tags: ['money', 'beta'] }, principal: { scopes: ['a', 'b'] } })
  const cases: readonly [match: string, applies: boolean][] = [
    ['methods: [POST, GET]', true],
    ['methods: [POST]', false],
    ['paths: [/v1/accounts/acc_1]', true],
    ['paths: [/v1/accounts/acc_2, /v1]', false],
    ['paths: [/v1/accounts/*]', true],
    ['paths: [/v1/*]', false],
    ['paths: [/v1/**]', true],
    ['paths: [/v1/accounts/acc_1/**]', true],
    ['paths: [/v1/*/acc_1/*]', false],
    ['routes: [accounts.read]', true],
    ['routes: [accounts]', false],
    ['tags: [operator, beta]', true],
    ['tags: [operator]', false],
    ['scopes: [a, b]', true],
    ['scopes: [a, c]', false],
    ['kinds: [operator, member]', true],
    ['kinds: [anonymous]', false],
    ['kinds: [member], methods: [POST]', false],
  ]
  for (const [written, applies] of cases) {
    it(`{ ${written} } ${applies ? 'applies' : 'does not apply'}`, () => {
      const bundle = compiled(policyFile('access', `  - { id: one, match: { ${written} }, effect: allow }`))
      equal(bundle.authorize(facts).effect, applies ? 'allow' : 'deny')
    })
  }
})

describe('risk', () => {
  const assess = (rules: string, facts = riskFacts()) => compiled(policyFile('risk', rules)).assess(facts)
  const HOLD_3 = '{ hold: { approvals: 3, expiresAfter: 90m, onTimeout: decline } }'

  it('holds as the rule says', () => {
    const verdict = assess(`  - { id: odd, when: 'true', effect: ${HOLD_3}, why: It is odd. }`)
    const { considered: _, marks: __, ...told } = verdict
    const desk = { escalateMs: 2_700_000, queue: 'desk', priority: 'normal', approvesBelow: null }
    const hold = { outcome: 'hold', approvals: 3, holdMs: 5_400_000, ...desk, unchecked: false }
    deepEqual(told, { ...hold, rule: 'risk/odd', reasons: ['It is odd.'], remedy: null, tells: 'why' })
  })

  it('holds for two when no rule decides', () => {
    const verdict = assess("  - { id: never, when: 'false', effect: accept }")
    deepEqual([verdict.outcome, verdict.rule], ['hold', 'risk/default-hold'])
    equal(verdict.outcome === 'hold' && verdict.approvals, 2)
  })

  it('says what could not be evaluated in the words of the rule, never of the request', () => {
    const facts = accessFacts({ request: { headers: { x: 'a secret' } }, claims: { email: 'alice@example.com' } })
    for (const when of [
      "duration(request.headers['x']) > duration('1s')",
      "bool(request.headers['x'])",
      "request.headers[request.headers['x']] == ''",
      'claims[claims.email] == 1',
    ]) {
      const bundle = compiled(policyFile('access', `  - { id: a, when: "${when}", effect: deny }`))
      const [{ outcome, detail } = { outcome: '', detail: '' }] = bundle.authorize(facts).considered
      equal(outcome, 'error', when)
      match(detail ?? '', /^Error: [a-z_]+: .*(?:headers|claims)/)
      doesNotMatch(detail ?? '', /secret|alice/)
    }
  })

  it('decides by a rule that can not be evaluated as its effect says, where that takes from the transfer', () => {
    const when = "when: \"transfer.amount < money('CNY', '500.00')\""
    const outcomes = [
      ['accept', 'accept', 'risk/all'], // has no effect: the next rule decides
      ['review', 'hold', 'risk/small'], // would let it pass what a later rule may hold
      ['reject', 'reject', 'risk/small'],
      [HOLD_3, 'hold', 'risk/small'],
    ] as const
    for (const [effect, outcome, by] of outcomes) {
      const rules = `  - { id: small, ${when}, effect: ${effect} }\n  - { id: all, when: 'true', effect: accept }`
      const verdict = assess(rules, riskFacts({ transfer: { amount: money('USD', 1n) } }))
      deepEqual([verdict.outcome, verdict.rule], [outcome, by])
      match(verdict.considered[0]?.detail ?? '', /USD is not compared with CNY/)
    }
  })

  it('holds by default when a fact is not what it is declared to be', () => {
    const facts = riskFacts({ provider: { score: Number.NaN } })
    deepEqual(assess("  - { id: all, when: 'provider.score < 5', effect: accept }", facts).outcome, 'hold')
  })

  it('lists what a rule in shadow would have done, and what it could not evaluate', () => {
    const rules = [
      "  - { id: tried, when: 'true', effect: reject, mode: shadow }",
      "  - { id: broken, when: \"transfer.amount < money('EUR', '5.00')\", effect: reject, mode: shadow }",
      "  - { id: all, when: 'true', effect: accept }",
    ]
    const { outcome, considered } = assess(rules.join('\n'))
    equal(outcome, 'accept')
    deepEqual(
      considered.map((one) => [one.rule, one.outcome, one.mode]),
      [
        ['risk/tried', 'shadow', 'shadow'],
        ['risk/broken', 'error', 'shadow'],
        ['risk/all', 'matched', 'enforce'],
      ],
    )
  })

  it('compares money as money', () => {
    const cases: readonly [condition: string, minor: bigint, holds: boolean][] = [
      ["< money('CNY', '9.00')", 1_000n, false],
      ["<= money('CNY', '10.00')", 1_000n, true],
      ["> money('CNY', '9.99')", 1_000n, true],
      [">= money('CNY', '10.01')", 1_000n, false],
      ["== money('CNY', '10.00')", 1_000n, true],
      ["!= money('CNY', '10.00')", 1_000n, false],
      ["< money('CNY', '90071992547409.93')", 9_007_199_254_740_992n, true],
    ]
    for (const [condition, minor, holds] of cases) {
      const rules = `  - { id: one, when: "transfer.amount ${condition}", effect: accept }\n  - { id: other, when: 'true', effect: reject }`
      const { outcome } = assess(rules, riskFacts({ transfer: { amount: money('CNY', minor) } }))
      equal(outcome, holds ? 'accept' : 'reject', `${minor} ${condition}`)
    }
  })

  it('takes a band from its lower end on and without its upper end, in its currency only', () => {
    const rules =
      "  - { id: band, match: { amount: { currency: CNY, from: '5.00', below: '6.00' } }, effect: accept }\n  - { id: other, when: 'true', effect: reject }"
    const outcome = (currency: 'CNY' | 'USD', minor: bigint) =>
      assess(rules, riskFacts({ transfer: { amount: money(currency, minor) } })).outcome
    const outcomes = [outcome('CNY', 499n), outcome('CNY', 500n), outcome('CNY', 599n), outcome('CNY', 600n)]
    deepEqual(outcomes, ['reject', 'accept', 'accept', 'reject'])
    equal(outcome('USD', 550n), 'reject')
  })
})

describe('the digest', () => {
  const one = policyFile('access', "  - { id: a, when: 'true', effect: allow }")
  const two = policyFile('firewall', "  - { id: a, when: 'true', effect: allow }")

  it('names the content: neither order of files nor comments change it, rules do', () => {
    const { digest } = compiled(one, two)
    match(digest, /^sha256:[0-9a-f]{64}$/)
    equal(compiled(two, { ...one, text: `# a comment\n${one.text}` }).digest, digest)
    notEqual(compiled(two, { ...one, text: one.text.replace('effect: allow }\n', 'effect: deny }\n') }).digest, digest)
    notEqual(compiled(two, { ...one, path: 'other.yaml' }).digest, digest)
  })

  it('comes with the moment at which the first rule lapses', () => {
    const rules =
      "  - { id: a, when: 'true', effect: allow, expires: '2027-01-01T00:00:00Z' }\n  - { id: b, when: 'true', effect: allow, expires: '2026-06-01T00:00:00Z' }"
    equal(compiled(policyFile('access', rules)).validUntil, Date.parse('2026-06-01T00:00:00Z'))
    equal(compiled(one).validUntil, null)
  })
})
