import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { assert } from '../../../src/kernel/assert.ts'
import { type Condition, conditionCompiler } from '../../../src/policy/conditions/condition.ts'
import { writerOf } from '../../../src/policy/conditions/reads.ts'
import { ACCESS_FACTS, RISK_FACTS } from '../../../src/policy/facts.ts'
import { accessFacts, compiled, policyFile } from '../fixtures.ts'

const compileAccess = conditionCompiler(ACCESS_FACTS, new Map())
const compileRisk = conditionCompiler(RISK_FACTS, new Map())

function conditionOf(text: string, compile = compileAccess): Condition {
  const condition = compile(text)
  assert(typeof condition === 'function', text)
  return condition
}

describe('what a condition can read is known before it runs', () => {
  const cases: readonly [when: string, reads: readonly string[]][] = [
    ['true', []],
    ["request.method == 'GET'", ['request.method']],
    ["request.headers['user-agent'] == ''", ['request.headers["user-agent"]']],
    ["request.headers['host'] == request.headers.host", ['request.headers.host']],
    ["request.headers[?'x-a'].orValue('') == ''", ['request.headers["x-a"]']],
    ["request.?headers[?'a'].orValue('') == ''", ['request.headers.a']],
    ['has(request.query.page)', ['request.query.page']],
    ['request.headers[route.id] == request.method', ['request.headers', 'request.method', 'route.id']],
    ["request.headers.exists(name, request.headers[name] == 'x')", ['request.headers']],
    ["claims.cnf.jkt == 'a' && claims.acr == 'b'", ['claims.acr', 'claims.cnf.jkt']],
    ["claims.amr[0] == 'pwd'", ['claims.amr']],
    ['claims.cnf == claims.cnf.jkt', ['claims.cnf']],
    ["claims['a.b'] == claims['\"']", ['claims["\\""]', 'claims["a.b"]']],
    ["principal.scopes.exists(claims, claims == 'a')", ['principal.scopes']],
    ['cel.bind(request, claims.a, request == claims.b)', ['claims.a', 'claims.b']],
    ["[claims.a].map(source, source == '1')[0] && source.ip == ''", ['claims.a', 'source.ip']],
    ['type(claims.a) == string', ['claims.a']],
    ["'user-agent' in request.headers", ['request.headers["user-agent"]']],
    ["'a' in claims && 'b' in claims.c", ['claims.a', 'claims.c']],
    ["'a' in principal.scopes && route.id in request.query", ['principal.scopes', 'request.query', 'route.id']],
    ["{'claims': source.ip}['claims'] == ''", ['source.ip']],
  ]
  for (const [when, reads] of cases) it(when, () => deepEqual(conditionOf(when).reads, reads))

  it('also of risk', () => {
    const { reads } = conditionOf("transfer.amount > money('CNY', '1.00') && provider.status != 'ok'", compileRisk)
    deepEqual(reads, ['provider.status', 'transfer.amount'])
  })
})

it('The lists that a rule looks into are known, by its match and its condition', () => {
  const lists = policyFile('lists', "  - { name: a, strings: [x] }\n  - { name: b, cidrs: ['192.0.2.0/24'] }")
  const when = "listed(route.id, 'a') || ['x'].exists(it, listed(it, 'a') && !listed(source.ip, 'b'))"
  const rule = `  - { id: one, match: { lists: [b] }, when: ${JSON.stringify(when)}, effect: deny }`
  deepEqual(
    compiled(policyFile('access', rule), lists).rules.map((summary) => summary.lists),
    [['b', 'a']],
  )
})

describe('facts are written by their paths', () => {
  const facts = accessFacts({ claims: { acr: 'a', cnf: { jkt: 'j' }, amr: ['pwd'], 'a"b.c': 1 } })
  const json = (paths: readonly string[], from: object = facts) => JSON.parse(writerOf(paths)(from))

  it('in the shape they have', () => {
    deepEqual(json(['claims.cnf.jkt', 'claims.amr', 'source.ip']), {
      claims: { cnf: { jkt: 'j' }, amr: ['pwd'] },
      source: { ip: '192.0.2.1' },
    })
    deepEqual(json(['claims["a\\"b.c"]']), { claims: { 'a"b.c': 1 } })
  })

  it('the whole where the whole and a part are asked for, whatever the order', () => {
    deepEqual(json(['claims.cnf.jkt', 'claims.cnf', 'claims.cnf.x5t']), { claims: { cnf: { jkt: 'j' } } })
    deepEqual(json(['claims.cnf', 'claims.cnfx', 'claims.cnf.jkt']), { claims: { cnf: { jkt: 'j' } } })
  })

  it('without the fields that are hidden, also where their group is asked for as a whole', () => {
    const { client: _, ...shown } = facts.principal
    const write = writerOf(['principal', 'source.ip'], { hidden: ['principal.client', 'source.country'] })
    deepEqual(JSON.parse(write(facts)), { principal: shown, source: { ip: '192.0.2.1' } })
  })

  it('and a lasting group once for each object that it is', () => {
    let read = 0
    const principal = (id: string) => ({
      get id() {
        read += 1
        return id
      },
    })
    const write = writerOf(['principal'], { lasting: ['principal'] })
    const [alice, bob] = [{ principal: principal('alice') }, { principal: principal('bob') }]
    const texts = [alice, bob, alice, bob].map(write)
    deepEqual(texts, [...texts.slice(0, 2), ...texts.slice(0, 2)])
    deepEqual(
      texts.slice(0, 2).map((text) => JSON.parse(text)),
      [{ principal: { id: 'alice' } }, { principal: { id: 'bob' } }],
    )
    equal(read, 2)
  })

  it('and none that is not there or is inherited', () => {
    deepEqual(json(['claims.gone', 'nothing.at.all', 'claims.acr.deeper']), { claims: { acr: 'a' } })
    deepEqual(json(['claims.toString', 'claims.__proto__', 'claims.constructor.name']), { claims: {} })
    const sent = { claims: JSON.parse('{"__proto__": {"a": 1}}') }
    equal(writerOf(['claims.__proto__.a'])(sent), '{"claims":{"__proto__":{"a":1}}}')
  })
})

it('A condition decides the same on the facts it reads as on all of them', () => {
  const key = fc.constantFrom('a', 'b', 'x-y')
  const map = fc.constantFrom('claims', 'request.headers', 'claims.a')
  const condition = fc.oneof(
    fc.tuple(map, key, key).map(([of, one, other]) => `${of}['${one}'] == claims['${other}']`),
    fc.tuple(map, key).map(([of, one]) => `${of}.exists(k, k == '${one}')`),
    fc.tuple(map, key).map(([of, one]) => `'${one}' in ${of}`),
    fc.tuple(map, map).map(([of, other]) => `${of}.all(k, k in ${other})`),
    fc.tuple(map, key).map(([of, one]) => `${of}[?'${one}'].orValue('a') == 'a'`),
  )
  const both = fc.tuple(condition, condition, fc.constantFrom('&&', '||')).map(([a, b, op]) => `(${a}) ${op} !(${b})`)
  const text = fc.constantFrom('a', 'b')
  const headers = fc.dictionary(key, text)
  const claims = fc.dictionary(key, fc.oneof(text, fc.array(text), fc.dictionary(key, text)))
  fc.assert(
    fc.property(both, headers, claims, (when, headers, claims) => {
      const condition = conditionOf(when)
      const facts = accessFacts({ request: { headers }, claims })
      deepEqual(outcome(condition, JSON.parse(writerOf(condition.reads)(facts))), outcome(condition, facts))
    }),
  )
})

/** What it decides, or the first line of the error. */
function outcome(condition: Condition, context: object): boolean | string {
  try {
    return condition(context as Record<string, unknown>)
  } catch (error) {
    return String(error).split('\n', 1)[0] ?? ''
  }
}
