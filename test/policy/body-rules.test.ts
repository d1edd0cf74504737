import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CompileOptions, compileBundle, type SourceFile, type SurfaceRoute } from '../../src/policy/index.ts'
import { accessFacts, compiled, NOW, policyFile } from './fixtures.ts'

const object = (properties: object) => ({ type: 'object', properties, additionalProperties: false })
const text = { type: 'string' }
const MONEY = object({ currency: text, value: text })
const route = (id: string, body: object | null): SurfaceRoute => ({
  ...{ id, host: null, path: `/${id}`, methods: ['POST'], tags: [], scopes: [], isPublic: false, upstream: 'ledger' },
  ...{ assess: null, budgetMs: null, calls: [], body: body as SurfaceRoute['body'] },
})
const surface = {
  routes: [
    route(
      'pay',
      object({ to: text, amount: MONEY, items: { type: 'array', items: object({ count: { type: 'integer' } }) } }),
    ),
    route('note', object({ to: text, text })),
    route('ping', null),
  ],
}

const rule = (when: string, more = 'effect: deny') =>
  policyFile('access', `  - { id: a, match: { routes: [pay] }, ${more}, when: ${JSON.stringify(when)} }`)

describe('a rule on the body is checked against the schema of its routes', () => {
  const findings = (options: CompileOptions, ...files: readonly SourceFile[]) =>
    compileBundle(files, NOW, options).findings.map(({ line, column, code, message, hint }) => {
      return [`${line}:${column} ${code}`, message, hint] as const
    })

  for (const when of [
    "body.to == 'acc_1'",
    "body.amount >= money('CNY', '100.00')",
    'body.items.exists(item, item.count > 3)',
    "has(body.to) && body.?to.orValue('') != ''",
    "body.items[0].count == 1 && body['to'].startsWith('acc_')",
  ]) {
    test(`it may say ${when}`, () => assert.deepEqual(findings({ surface }, rule(when)), []))
  }

  const wrong: Record<string, readonly [when: string, code: string, hint?: string]> = {
    'a field that is not there': ["body.tos == 'x'", 'unknown-name', "did you mean 'to'?"],
    'one in has()': ['has(body.amont)', 'unknown-name', "did you mean 'amount'?"],
    'one deep inside': ['body.items[0].cont == 1', 'unknown-name', "did you mean 'count'?"],
    'one in a loop': ['body.items.exists(item, item.cont > 3)', 'unknown-name', "did you mean 'count'?"],
    'money against a number': ['body.amount > 100', 'type'],
    'a text against a number': ['body.to == 1', 'type'],
  }
  for (const [what, [when, code, hint]] of Object.entries(wrong)) {
    test(`it is told of ${what}`, () => {
      const [found, ...others] = findings({ surface }, rule(when))
      assert.deepEqual([found?.[0].split(' ')[1], found?.[2], others], [code, hint, []])
      assert.match(found?.[1] ?? '', /on the route 'pay'/)
    })
    test(`nothing is said of ${what} where nobody knows the routes`, () => {
      assert.deepEqual(findings({}, rule(when)), [])
    })
  }

  test('it must be right for each of its routes', () => {
    const both = policyFile(
      'access',
      "  - { id: a, match: { routes: [pay, note] }, when: body.text == 'x', effect: deny }",
    )
    assert.deepEqual(
      findings({ surface }, both).map(([code, message]) => [code, message]),
      [['3:57 unknown-name', "there is no field 'text' in the body, on the route 'pay'"]],
    )
  })

  test('it names its routes, which read bodies, and lets nothing pass', () => {
    const codes = (file: ReturnType<typeof rule>) => findings({ surface }, file).map(([code]) => code)
    const everywhere = policyFile('access', "  - { id: a, when: body.to == 'x', effect: deny }")
    assert.deepEqual(codes(everywhere), ['3:5 body-needs-routes'])
    const unread = policyFile('access', "  - { id: a, match: { routes: [ping] }, when: body.to == 'x', effect: deny }")
    assert.deepEqual(codes(unread), ['3:32 no-body'])
    assert.deepEqual(codes(rule("body.to == 'x'", 'effect: allow')), ['3:48 body-cannot-allow'])
  })

  test('only access rules know of a body', () => {
    const quota = "  - { id: a, when: body.to == 'x', effect: { tag: [b] } }"
    assert.deepEqual(
      findings({ surface }, policyFile('quota', quota)).map(([code]) => code),
      ['3:20 unknown-name'],
    )
  })
})

describe('a rule on the body', () => {
  const body = { to: 'acc_9', amount: { currency: 'CNY', value: '100.00' }, count: 2 }
  const facts = (given: unknown) => ({ ...accessFacts({ route: { id: 'pay' } }), body: given })
  const ALLOW = policyFile('access', '  - { id: all, match: { kinds: [member] }, effect: allow }', 'z.yaml')
  const inspected = (when: string, given: unknown = body, more?: string) =>
    compiled(rule(when, more), ALLOW).inspect(facts(given))

  test('is not asked before the body is read, wherever it stands', () => {
    const bundle = compiled(rule("body.to == 'acc_9'"), ALLOW)
    assert.deepEqual(
      bundle.authorize(accessFacts({ route: { id: 'pay' } })).considered.map((it) => it.rule),
      ['access/all'],
    )
    assert.equal(bundle.inspect(facts(body)).effect, 'deny')
  })

  const cases: Record<string, readonly [when: string, given: unknown, effect: string]> = {
    'compares money as money': ["body.amount >= money('CNY', '99.99')", body, 'deny'],
    'passes what it does not hold for': ["body.amount > money('CNY', '100.00')", body, 'allow'],
    'counts in integers': ['body.count == 2', body, 'deny'],
    'denies where a field that it asks for is missing': ["body.reference == 'x'", body, 'deny'],
    'asks for one that may be missing': ["body.?reference.orValue('') == 'x'", body, 'allow'],
    'denies where an amount can not be read': ["body.amount > money('CNY', '1.00')", { amount: 'a lot' }, 'deny'],
    'denies where currencies can not be compared': ["body.amount > money('EUR', '1.00')", body, 'deny'],
    'takes a field for what it is, whatever its name': ["body.constructor == 'x'", { constructor: 'x' }, 'deny'],
  }
  for (const [what, [when, given, effect]] of Object.entries(cases)) {
    test(what, () => assert.equal(inspected(when, given).effect, effect))
  }

  test('denies where it asks anything of a list that a caller made too long, and else does not mind it', () => {
    const long = { to: 'acc_1', items: Array.from({ length: 100_000 }, () => 0) }
    for (const when of [
      "body.?items[?0].orValue('') == 'x'",
      'size(body.items) == 0',
      'body.items == []',
      'body.items.all(a, body.items.all(b, a == b))', // a caller would have the edge compare for half an hour
    ]) {
      const { effect, considered } = inspected(when, long)
      assert.deepEqual([effect, considered[0]?.outcome], ['deny', 'error'], when)
    }
    assert.equal(inspected("body.to == 'acc_9'", long).effect, 'allow')
    assert.equal(
      inspected('body.items.all(a, a == 1)', { items: Array.from({ length: 1_000 }, () => 0) }).effect,
      'allow',
    )
  })

  test('in shadow is only written down', () => {
    const { effect, considered } = inspected("body.to == 'acc_9'", body, 'effect: deny, mode: shadow')
    assert.deepEqual(
      [effect, considered.map(({ rule, outcome }) => [rule, outcome])],
      ['allow', [['access/a', 'shadow']]],
    )
  })

  test('tags, and asks for a step-up that the token may bring', () => {
    assert.deepEqual(inspected("body.to == 'acc_9'", body, 'effect: { tag: [watched] }').marks.tags, ['watched'])
    assert.equal(inspected("body.to == 'acc_9'", body, 'effect: { stepUp: { acr: [strong] } }').effect, 'stepUp')
  })

  test('is skipped by a rule that was asked before', () => {
    const skip = policyFile(
      'firewall',
      "  - { id: s, when: 'true', effect: { skip: [access/a] }, owner: o, expires: 2030-01-01T00:00:00Z }",
    )
    const bundle = compiled(rule("body.to == 'acc_9'"), ALLOW, skip)
    const { marks } = bundle.screen(accessFacts())
    const { effect, considered } = bundle.inspect(facts(body), marks)
    assert.deepEqual([effect, considered[0]?.outcome], ['allow', 'skipped'])
  })
})

describe('the order of rules, some of which read the body', () => {
  const onBody = (effect: string) =>
    `  - { id: body, match: { routes: [pay] }, when: "body.to == 'acc_1'", effect: ${effect} }`
  const findings = (...rules: readonly string[]) =>
    compileBundle([policyFile('access', rules.join('\n'))], NOW).findings.map(({ line, code }) => `${line} ${code}`)

  test('lets any other rule skip one on the body, which is asked later wherever it stands', () => {
    const skip =
      "{ id: skip, match: { scopes: [x] }, effect: { skip: [access/body] }, owner: a, expires: '2030-01-01T00:00:00Z' }"
    const rules = [onBody('deny'), `  - ${skip}`, '  - { id: all, match: { routes: [pay] }, effect: allow }']
    assert.deepEqual(findings(...rules), [])
    const bundle = compiled(policyFile('access', rules.join('\n')))
    const facts = accessFacts({ route: { id: 'pay' }, principal: { scopes: ['x'] } })
    const { effect, marks } = bundle.authorize(facts)
    const inspected = bundle.inspect({ ...facts, body: { to: 'acc_1' } }, marks)
    assert.deepEqual([effect, inspected.effect, inspected.considered[0]?.outcome], ['allow', 'allow', 'skipped'])
  })

  test('has a tag of one on the body come too late for all that do not read it', () => {
    const tagged = '  - { id: tagged, match: { tagged: [hot] }, effect: deny }'
    assert.deepEqual(findings(onBody('{ tag: [hot] }'), tagged), ['4 tag-too-late'])
  })
})
