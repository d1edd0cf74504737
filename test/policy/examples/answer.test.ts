import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ExampleResult, runExamples, type SourceFile } from '../../../src/policy/index.ts'
import { route, SURFACE } from '../analysis/surface.ts'
import { compiled, NOW } from '../fixtures.ts'

const surface = {
  routes: [
    ...SURFACE.routes,
    route('send', '/v1/transfers', { methods: ['POST'], scopes: ['send'], tags: ['money'], assess: 'transfer' }),
  ],
}
const firewall = `kind: firewall
rules:
  - { id: blocked, when: "source.ip == '203.0.113.9'", effect: deny }
examples: [{ name: one, given: {}, expect: { effect: allow } }]
`
const quota = `kind: quota
rules:
  - { id: money, match: { methods: [POST] }, effect: { throttle: { limit: 9, per: 1d, key: principal, cost: request } } }
examples: [{ name: one, given: {}, expect: { rules: [] } }]
`
const risk = `kind: risk
rules:
  - { id: much, match: { amount: { currency: CNY, from: '500.00' } }, effect: { hold: { approvals: 1, expiresAfter: 1h, onTimeout: decline } } }
  - { id: rest, when: 'true', effect: accept }
examples: [{ name: one, given: {}, expect: { outcome: accept } }]
`
const access = (given: string, expect: string) => `kind: access
rules:
  - { id: odd, match: { routes: [send] }, when: "body.note == 'odd'", effect: deny }
  - { id: money, match: { tags: [money], kinds: [operator] }, effect: deny }
  - { id: known, match: { kinds: [member, operator] }, effect: allow }
examples: [{ name: one, given: ${given}, expect: ${expect} }]
`

/** The result of an access file's one example, with files of every other kind around it. */
function run(given: string, expect: string, isSurfaceKnown = true): ExampleResult {
  const texts = { firewall, quota, risk, access: access(given, expect) }
  const files = Object.entries(texts).map(([kind, text]): SourceFile => ({ path: `${kind}.yaml`, text }))
  const results = runExamples(compiled(...files), files, NOW, isSurfaceKnown ? surface : undefined)
  return results.find(({ file }) => file === 'access.yaml') as ExampleResult
}

const send = "request: { method: POST, path: /v1/transfers }, principal: { kind: member, scopes: ['send'] }"

describe('an example that expects an answer', () => {
  const cases: readonly (readonly [what: string, given: string, answer: string])[] = [
    ['is taken as far as risk control', `{ ${send} }`, '{ outcome: accept, by: risk/rest }'],
    [
      'is held by its amount',
      `{ ${send}, transfer: { amount: { currency: CNY, value: '500.00' } } }`,
      '{ outcome: hold, by: risk/much }',
    ],
    [
      'is refused by the firewall before anything else',
      `{ ${send}, source: { ip: 203.0.113.9 }, usedUp: [quota/money] }`,
      '{ outcome: deny, status: 403, by: firewall/blocked }',
    ],
    ['meets a quota that is used up', `{ ${send}, usedUp: [quota/money] }`, '{ status: 429, by: quota/money }'],
    [
      'lacks the scope that its route asks for',
      "{ request: { method: POST, path: /v1/transfers }, principal: { scopes: ['read'] } }",
      '{ status: 403, by: route/send }',
    ],
    [
      'is on a route with its tags',
      "{ request: { method: POST, path: /v1/transfers }, principal: { kind: operator, scopes: ['send'] } }",
      '{ status: 403, by: access/money }',
    ],
    ['is refused by its body', `{ ${send}, body: { note: odd } }`, '{ status: 403, by: access/odd }'],
    [
      'is anonymous on a public route',
      '{ request: { method: POST, path: /v1/hooks/a } }',
      '{ status: 403, by: access/default-deny }',
    ],
  ]
  for (const [what, given, answer] of cases) {
    it(what, () => {
      const { ok, message } = run(given, `{ answer: ${answer} }`)
      equal(ok, true, message)
    })
  }

  it('fails with what came out', () => {
    const { ok, message } = run(`{ ${send} }`, '{ effect: allow, answer: { status: 403, by: firewall/blocked } }')
    equal(ok, false)
    match(message, /got \{"answer":\{"by":"risk\/rest","status":null\},"effect":"allow"\}/)
  })

  it('says itself what the route asks for where routes are not known', () => {
    const given = "{ request: { method: POST, path: /v1/transfers }, principal: { scopes: ['read'] } }"
    equal(run(given, '{ answer: { outcome: allow, by: access/known } }', false).ok, true)
    const asking = given.replace('request:', 'scopesNeeded: [send], request:')
    equal(run(asking, '{ answer: { status: 403, by: route/example } }', false).ok, true)
  })

  it('counts the rules of every kind as reached; any other one those of its own kind', () => {
    deepEqual(run(`{ ${send} }`, '{ answer: { outcome: accept } }').reached, [
      'access/known',
      'quota/money',
      'risk/rest',
    ])
    deepEqual(run(`{ ${send} }`, '{ effect: allow }').reached, ['access/known'])
  })
})

it('The chain is run where no answer is expected, and tells when it does not come to the rules of the file', () => {
  const before = (given: string) => run(given, '{ effect: allow }').answer
  deepEqual(before(`{ ${send} }`), { outcome: 'accept', status: null, by: 'risk/rest', isBefore: false })
  equal(before(`{ ${send}, source: { ip: 203.0.113.9 } }`)?.isBefore, true)
  equal(before('{ request: { path: /v1/things } }')?.isBefore, true)
})
