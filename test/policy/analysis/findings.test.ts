import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { analysePolicies, type Surface } from '../../../src/policy/index.ts'
import { NOW, policyFile } from '../fixtures.ts'
import { route, SURFACE } from './surface.ts'

type Kind = Parameters<typeof policyFile>[0]

/** What is found in these rules, as `line:column severity code`, with the message behind. */
function findings(kind: Kind, rules: string, surface: Surface | null = SURFACE, more = ''): readonly string[] {
  const files = [policyFile(kind, rules), ...(more === '' ? [] : [policyFile('lists', more)])]
  return analysePolicies(files, NOW, surface === null ? {} : { surface }).findings.map(
    ({ line, column, severity, code, message, hint }) =>
      `${line}:${column} ${severity} ${code}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  )
}

const codes = (...given: Parameters<typeof findings>) =>
  findings(...given).map((text) => text.slice(0, text.indexOf(': ')))

describe('names that the routes do not have', () => {
  it('an unknown route or tag is an error that says what was probably meant', () => {
    deepEqual(findings('access', '  - { id: a, match: { routes: [thing.list], tags: [mony] }, effect: deny }'), [
      "3:32 error unknown-route: there is no route 'thing.list' (did you mean 'things.list'?)",
      "3:52 error unknown-tag: no route has the tag 'mony' (did you mean 'money'?)",
    ])
  })

  it('a scope is a warning only when it looks like a slip: tokens hold what no route asks for', () => {
    deepEqual(codes('access', '  - { id: a, match: { scopes: [thing:read, things:approve] }, effect: allow }'), [
      '3:32 warning unknown-scope',
    ])
  })

  it('without routes to look at no name is unknown', () => {
    deepEqual(codes('access', '  - { id: a, match: { routes: [x], tags: [y], paths: [/z] }, effect: deny }', null), [])
  })
})

describe('rules that never apply', () => {
  const dead: Readonly<Record<string, string>> = {
    'a path that no route has': '{ paths: [/v1/thing] }',
    'a path deeper than any route': '{ paths: [/v1/things/*/parts] }',
    'a method that is none': '{ methods: [GTE] }',
    'a route by a method that it does not answer': '{ routes: [things.list], methods: [POST] }',
    'a route under a path that is not its own': '{ routes: [pay], paths: [/v1/things/**] }',
    'a route with a tag that it does not have': '{ routes: [things.list], tags: [money] }',
    'someone anonymous where a token is asked for': '{ routes: [pay], kinds: [anonymous] }',
    'a member on a route that asks nobody': '{ tags: [public], kinds: [member] }',
    'scopes of someone anonymous': '{ kinds: [anonymous], scopes: ["things:read"] }',
  }
  for (const [what, written] of Object.entries(dead)) {
    it(what, () =>
      deepEqual(
        codes('access', `  - { id: a, match: ${written}, effect: allow }`).map((text) =>
          text.split(' ').slice(1).join(' '),
        ),
        ['warning dead-rule'],
      ),
    )
  }

  const alive: Readonly<Record<string, string>> = {
    'HEAD, which comes with GET': '{ methods: [HEAD], routes: [things.list] }',
    'one path of a parameter': '{ routes: [things.read], paths: [/v1/things/7] }',
    'the rest of a path': '{ paths: [/files/a/*/c] }',
    'a path with a star for a literal': '{ paths: [/*/payments] }',
    'changes, by methods some of which no route has': '{ methods: [POST, PUT, PATCH, DELETE] }',
    'someone anonymous where nobody is asked': '{ kinds: [anonymous, operator] }',
  }
  for (const [what, written] of Object.entries(alive)) {
    it(`not: ${what}`, () => deepEqual(codes('access', `  - { id: a, match: ${written}, effect: allow }`), []))
  }
})

describe('rules that are never asked', () => {
  const hidden = (first: string, second: string, kind: Kind = 'access', surface: Surface | null = SURFACE) =>
    findings(kind, `  - { id: first, ${first} }\n  - { id: second, ${second} }`, surface)

  it('behind one that decides on more', () => {
    deepEqual(
      hidden('match: { kinds: [member] }, effect: deny', 'match: { kinds: [member], tags: [money] }, effect: allow'),
      [
        "4:5 warning hidden-rule: 'access/second' is never asked: access/first decides before on all that it matches (put it before access/first, or take it out)",
      ],
    )
  })

  it('a denial that an earlier allow makes useless has its own word', () => {
    const [found = '', ...others] = hidden(
      'match: { paths: [/v1/**] }, effect: allow',
      'match: { tags: [money] }, effect: deny',
    )
    match(found, /^4:5 warning useless-denial: 'access\/second' stops nothing: access\/first lets everything pass/)
    equal(others.length, 0)
  })

  it('behind two that decide on all of it together', () => {
    const rules = `
  - { id: members, match: { kinds: [member] }, effect: allow }
  - { id: operators, match: { kinds: [operator] }, effect: allow }
  - { id: third, match: { routes: [pay] }, effect: allow }`
    deepEqual(codes('access', rules), ['6:5 warning hidden-rule'])
  })

  it('on transfers, by amount', () => {
    const band = (from: string, below: string) =>
      `match: { amount: { currency: CNY, from: '${from}', below: '${below}' } }`
    equal(
      hidden(`${band('0.00', '100.00')}, effect: accept`, `${band('10.00', '100.00')}, effect: review`, 'risk').length,
      1,
    )
    equal(
      hidden(`${band('0.00', '100.00')}, effect: accept`, `${band('10.00', '100.01')}, effect: review`, 'risk').length,
      0,
    )
  })

  it('also where there are no routes to look at', () => {
    const [first, second] = [
      'match: { paths: [/v1/**] }, effect: deny',
      'match: { paths: [/v1/*/a], tags: [x] }, effect: deny',
    ]
    equal(hidden(first, second, 'firewall', null).length, 1)
  })

  const shown: Readonly<Record<string, readonly [string, string]>> = {
    'the first has a `when`': [
      'match: { kinds: [member] }, when: now > now, effect: deny',
      'match: { kinds: [member] }, effect: allow',
    ],
    'the first is in shadow': [
      'match: { kinds: [member] }, mode: shadow, effect: deny',
      'match: { kinds: [member] }, effect: allow',
    ],
    'the first asks for more': [
      'match: { scopes: ["things:read"] }, effect: deny',
      'match: { kinds: [member] }, effect: allow',
    ],
    'the first asks for less of one thing and more of another': [
      'match: { methods: [GET] }, effect: deny',
      'match: { routes: [things.list] }, effect: allow',
    ],
    'the first only tags': [
      'match: { kinds: [member] }, effect: { tag: [seen] }',
      'match: { kinds: [member] }, effect: allow',
    ],
    'the first asks for a step-up, which may be brought': [
      'match: { kinds: [member] }, effect: { stepUp: { acr: [a] } }',
      'match: { kinds: [member] }, effect: allow',
    ],
    'the first is a block for a while': [
      'match: { kinds: [member] }, effect: deny, expires: "2027-01-01T00:00:00Z"',
      'match: { kinds: [member] }, effect: allow',
    ],
  }
  for (const [what, [first, second]] of Object.entries(shown)) {
    it(`not: ${what}`, () => deepEqual(hidden(first, second), []))
  }

  it('not: where a skip may set the first aside', () => {
    const rules = `
  - { id: some, when: now > now, effect: { skip: [access/first] }, owner: o, expires: '2027-01-01T00:00:00Z' }
  - { id: first, match: { kinds: [member] }, effect: deny }
  - { id: second, match: { kinds: [member] }, effect: allow }`
    deepEqual(codes('access', rules), [])
  })

  it('quotas hide nothing: all that apply are counted', () => {
    const effect = 'effect: { throttle: { limit: 1, per: 1s, key: source, cost: request } }'
    deepEqual(hidden(`match: { kinds: [member] }, ${effect}`, `match: { kinds: [member] }, ${effect}`, 'quota'), [])
  })
})

describe('rules that are wider than they look', () => {
  for (const written of ['{ paths: [/**] }', '{ kinds: [member, operator, anonymous] }']) {
    it(`${written} restricts nothing`, () =>
      deepEqual(
        codes('access', `  - { id: a, match: ${written}, effect: deny }`).map((text) => text.split(' ')[2]),
        ['wide-match'],
      ))
  }
})

describe('skips', () => {
  const skip = (name: string) =>
    `  - { id: s, match: { routes: [pay] }, effect: { skip: [access/${name}] }, owner: o, expires: '2027-01-01T00:00:00Z' }
  - { id: money, match: { tags: [money] }, effect: deny }
  - { id: lists, match: { routes: [things.list] }, effect: deny }`

  it('of a rule that never applies where the skip does are idle', () => {
    deepEqual(codes('access', skip('lists')), ['3:57 warning idle-skip'])
    deepEqual(codes('access', skip('money')), [])
  })
})

describe('what is wrong with a route', () => {
  const allowAll = policyFile('access', '  - { id: all, match: { kinds: [member, operator] }, effect: allow }')
  const faults = (surface: Surface, ...files: readonly ReturnType<typeof policyFile>[]) =>
    analysePolicies(files, NOW, { surface }).analysis?.routeFaults.map(({ code, message }) => `${code}: ${message}`)

  it('nobody gets through to it', () => {
    deepEqual(faults({ routes: [route('lost', '/lost', { isPublic: true })] }, allowAll), [
      'closed-route: no rule lets anyone through to the route lost: every request is denied',
    ])
  })

  it('nobody is asked who they are, and no rule speaks of it', () => {
    const open = policyFile('access', "  - { id: all, when: 'true', effect: allow }")
    const named = policyFile('access', '  - { id: hook, match: { routes: [hook] }, effect: allow }')
    const surface = { routes: [route('hook', '/hook', { isPublic: true })] }
    match(faults(surface, open)?.[0] ?? '', /^unauthenticated-route: nobody authenticates callers of hook/)
    deepEqual(faults(surface, named), [])
  })

  it('it costs more than it may, by its calls and by its rules', () => {
    const calls = [
      { to: 'risk control', deadlineMs: 700 },
      { to: 'things', deadlineMs: 300 },
    ]
    const slow = { routes: [route('slow', '/slow', { calls, budgetMs: 1_000 })] }
    deepEqual(faults(slow, allowAll), [
      'over-budget: the route slow can take 1001 ms, more than its 1000: 1 rule 1 ms + risk control 700 ms + things 300 ms',
    ])
    const looping = policyFile(
      'access',
      "  - { id: all, when: 'request.query.all(a, request.query.all(b, a < b))', effect: allow }",
    )
    match(
      faults({ routes: [route('slow', '/slow', { budgetMs: 1_000 })] }, looping)?.[0] ?? '',
      /^over-budget: .* 1 rule \d{5,} ms$/,
    )
  })
})
