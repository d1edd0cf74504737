import { equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Courses } from '../../src/firewall/engine/courses.ts'
import { Memory } from '../../src/firewall/engine/memory.ts'
import { anyRules } from './any-rules.ts'
import { askBoth, plainOf } from './plain.ts'
import { type Asked, ask, FORM, JSON_BODY, loaded } from './rulesets.ts'

/** A request is told by its pieces, each of which came before with others: it is told the same as if none was remembered. */

const maybe = <T>(...values: readonly T[]) => fc.constantFrom(undefined, ...values)

/** Requests that have each piece of a few, so that nearly each piece came before, and hardly a request did. */
const request = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'PUT'),
    target: fc.constantFrom(
      '/',
      '/a?q=evil',
      '/a?q=select',
      '/b/etc?q=1&r=2&_charset_=x',
      '/a%3f?reference=cat',
      '/?q=',
    ),
    protocol: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'),
    ip: fc.constantFrom('192.0.2.1', '192.0.2.2'),
    body: maybe('q=1', 'q=evil&r=select', 'etc=x', '{"q":"cat"}'),
    headers: fc.record({
      'user-agent': maybe('a/1', 'script', 'select'),
      referer: maybe('', 'x=y', 'etc'),
      cookie: maybe('a=b', 'q=cat; r=etc', 'evil'),
      'content-type': maybe('text/xml', 'application/json', FORM['content-type']),
      'x-other': maybe('1', 'cat'),
    }),
  })
  .map(({ body, headers, ...rest }): Asked => {
    const present = Object.entries(headers).filter(([, value]) => value !== undefined)
    return {
      ...rest,
      headers: Object.fromEntries(present) as Record<string, string>,
      ...(body === undefined ? {} : { body }),
    }
  })

it('Any rules tell the same of requests whose pieces came before', () => {
  let [quiet, found] = [0, 0]
  fc.assert(
    fc.property(anyRules, fc.array(request, { minLength: 10, maxLength: 40 }), (written, requests) => {
      const ruleset = loaded(written)
      const plain = plainOf(written)
      for (const asked of requests) {
        const { effect, signs } = askBoth(ruleset, plain, asked)
        if (effect === 'deny' || signs.length > 0) found += 1
        else quiet += 1
      }
    }),
    { numRuns: 250 },
  )
  ok(quiet > 500 && found > 500, `${quiet} were quiet, in ${found} something was found`)
})

const XML_BODY = { 'content-type': 'text/xml' }

/** Requests that differ in what a variable reads, and in nothing else; the second has the value that is given. */
const APART: readonly (readonly [variable: string, one: Asked, other: Asked, value: string])[] = [
  ['REQUEST_METHOD', { method: 'GET' }, { method: 'PUT' }, 'PUT'],
  ['REQUEST_PROTOCOL', {}, { protocol: 'HTTP/1.0' }, 'HTTP/1.0'],
  ['REQUEST_LINE', {}, { protocol: 'HTTP/1.0' }, 'GET / HTTP/1.0'],
  ['REQUEST_URI', { target: '/a' }, { target: '/b' }, '/b'],
  ['QUERY_STRING', { target: '/?a' }, { target: '/?b' }, 'b'],
  ['ARGS:q', { target: '/?q=a' }, { target: '/?q=b' }, 'b'],
  ['ARGS_COMBINED_SIZE', { target: '/?q=a' }, { target: '/?q=ab' }, '3'],
  ['REMOTE_ADDR', {}, { ip: '192.0.2.2' }, '192.0.2.2'],
  ['SERVER_NAME', { headers: { host: 'a' } }, { headers: { host: 'b:80' } }, 'b'],
  ['REQUEST_HEADERS:referer', { headers: { referer: 'a' } }, { headers: { referer: 'b' } }, 'b'],
  ['REQUEST_HEADERS', { headers: { referer: 'a' } }, { headers: { referer: 'b' } }, 'b'],
  ['REQUEST_HEADERS_NAMES:x-b', { headers: { 'x-a': '1' } }, { headers: { 'x-b': '1' } }, 'x-b'],
  ['REQUEST_COOKIES:q', { headers: { cookie: 'q=a' } }, { headers: { cookie: 'q=b' } }, 'b'],
  ['ARGS:q', { body: 'q=a', headers: FORM }, { body: 'q=b', headers: FORM }, 'b'],
  ['ARGS_COMBINED_SIZE', { body: '{"q":"abc"}', headers: JSON_BODY }, { body: '{"q": "ab"}', headers: JSON_BODY }, '8'],
  ['REQUEST_BODY', { body: 'q=a', headers: FORM }, { body: 'q=b', headers: FORM }, 'q=b'],
  ['XML:/*', { body: '<a>a</a>', headers: XML_BODY }, { body: '<a>b</a>', headers: XML_BODY }, 'b'],
  ['REQBODY_PROCESSOR', { body: '[]', headers: FORM }, { body: '[]', headers: JSON_BODY }, 'JSON'],
]

/** Ways in which a rule can read a variable, and deny where it has the value. */
const READING: Readonly<Record<string, (variable: string, value: string) => string>> = {
  'a rule looks at it': (variable, value) => `SecRule ${variable} "@streq ${value}" "id:1,phase:2,deny"`,
  'a rule looks at it and at what was set': (variable, value) =>
    `SecRule ${variable}|TX:none "@streq ${value}" "id:1,phase:2,deny"`,
  'a rule sets something to it': (variable, value) =>
    [
      `SecAction "id:1,phase:2,pass,nolog,setvar:'tx.a=%{${variable.replace(':', '.')}}'"`,
      'SecAction "id:2,phase:2,pass,nolog,setvar:tx.b=%{tx.a}"',
      `SecRule TX:b "@streq ${value}" "id:3,phase:2,deny"`,
    ].join('\n'),
  'a rule compares with it': (variable, value) =>
    [
      `SecAction "id:1,phase:2,pass,nolog,setvar:'tx.a=${value}'"`,
      `SecRule TX:a "@streq %{${variable.replace(':', '.')}}" "id:2,phase:2,deny"`,
    ].join('\n'),
}

describe('requests are told apart by all that rules read', () => {
  for (const [how, rules] of Object.entries(READING)) {
    it(`where ${how}`, () => {
      for (const [variable, one, other, value] of APART) {
        if (how !== 'a rule looks at it' && /^(?:XML:|REQUEST_HEADERS$)/.test(variable)) continue // no single value
        const ruleset = loaded(rules(variable, value))
        for (let times = 0; times < 3; times++) {
          equal(ask(ruleset, one).effect, 'pass', variable)
          equal(ask(ruleset, other).effect, 'deny', `${variable} is ${value}`)
        }
      }
    })
  }

  it('and by the country of an address, which may change', () => {
    const geo = [
      'SecRule REMOTE_ADDR "@geoLookup" "id:1,phase:1,pass,nolog"',
      'SecRule GEO:country_code "@streq LI" "id:2,phase:2,deny"',
    ]
    const ruleset = loaded(geo.join('\n'))
    for (let times = 0; times < 3; times++) {
      equal(ask(ruleset, { country: 'CH' }).effect, 'pass')
      equal(ask(ruleset, { country: 'LI' }).effect, 'deny')
    }
  })
})

/** What a rule of phase 1 may do where the referer is `on`, and a rule of phase 2 that then does otherwise about `q=evil`. */
const LEFT_BEHIND: Readonly<Record<string, readonly [action: string, rule: string, otherwise: 'deny' | 'pass']>> = {
  'a rule taken out': ['ctl:ruleRemoveById=2', 'SecRule ARGS:q "@streq evil" "id:2,phase:2,deny"', 'pass'],
  'a target taken out': ['ctl:ruleRemoveTargetById=2;ARGS:q', 'SecRule ARGS "@streq evil" "id:2,phase:2,deny"', 'pass'],
  'the engine off': ['ctl:ruleEngine=Off', 'SecRule ARGS:q "@streq evil" "id:2,phase:2,deny"', 'pass'],
  'another reading of the body': [
    'ctl:requestBodyProcessor=JSON',
    'SecRule ARGS:json.q "@streq evil" "id:2,phase:2,deny"',
    'deny',
  ],
  'another reading of the body where there is none': [
    'ctl:requestBodyProcessor=XML',
    'SecRule ARGS:q "@streq evil" "id:2,phase:2,deny,chain"\nSecRule REQBODY_PROCESSOR "@streq XML"',
    'deny',
  ],
  'a variable of another collection': [
    'setvar:ip.seen=1',
    'SecRule ARGS|REQUEST_BODY "@contains evil" "id:2,phase:2,deny,chain"\nSecRule IP:seen "@eq 1"',
    'deny',
  ],
  'a variable that is gone': [
    'setvar:!tx.level',
    'SecRule ARGS|REQUEST_BODY "@contains evil" "id:2,phase:2,deny,chain"\nSecRule &TX:level "@eq 0"',
    'deny',
  ],
}

describe('what phase 1 leaves behind holds in phase 2 where its rules need not be asked again', () => {
  for (const [what, [action, rule, otherwise]] of Object.entries(LEFT_BEHIND)) {
    it(what, () => {
      const written = [
        'SecAction "id:9,phase:1,pass,nolog,setvar:tx.level=1"',
        `SecRule REQUEST_HEADERS:referer "@streq on" "id:1,phase:1,pass,nolog,${action}"`,
        rule,
      ]
      const ruleset = loaded(written.join('\n'))
      const asked = (referer: string, q: string): Asked =>
        rule.includes('json')
          ? { body: JSON.stringify({ q }), headers: { 'content-type': 'text/plain', referer } }
          : { target: `/?q=${q}`, headers: { referer } }
      const usual = otherwise === 'deny' ? 'pass' : 'deny'
      for (let times = 0; times < 3; times++) {
        for (const referer of ['on', 'off']) equal(ask(ruleset, asked(referer, 'kind')).effect, 'pass')
        equal(ask(ruleset, asked('on', 'evil')).effect, otherwise)
        equal(ask(ruleset, asked('off', 'evil')).effect, usual)
      }
    })
  }
})

describe('what rules set is left out where nobody reads it, and only there', () => {
  const found = (written: readonly string[]) => ask(loaded(written.join('\n')), { target: '/?q=evil' })

  it('is in the message of a sign, and what is written with it', () => {
    const { signs } = found([
      'SecRule ARGS "@rx ^e" "id:1,phase:2,pass,nolog,setvar:tx.seen=%{matched_var},setvar:tx.where=%{matched_var_name}"',
      `SecRule ARGS "@streq evil" "id:2,phase:2,pass,msg:'saw %{tx.seen}',logdata:'in %{tx.where}'"`,
    ])
    equal(signs[0]?.message, 'saw evil')
    equal(signs[0]?.detail, 'in ARGS:q')
  })

  it('is read by a rule that looks at all there is', () => {
    const sets = 'SecRule ARGS "@rx ^e" "id:1,phase:2,pass,nolog,setvar:tx.seen=%{matched_var}"'
    equal(found([sets, 'SecRule TX "@streq evil" "id:2,phase:2,deny"']).rule, '2')
    equal(found([sets, 'SecRule TX:/^se/ "@streq evil" "id:2,phase:2,deny"']).rule, '2')
  })

  it('counts as score', () => {
    equal(found(['SecRule ARGS "@rx ^e" "id:1,phase:2,pass,nolog,setvar:tx.anomaly_score_pl1=+5"']).score, 5)
  })

  it('and a rule that only counts for itself is not there at all', () => {
    const counts = 'SecRule ARGS "@rx ^e" "id:1,phase:2,pass,nolog,setvar:tx.seen=+1"'
    equal(loaded(counts).plan.phases[2].length, 0)
    equal(loaded(`${counts}\nSecRule TX:seen "@ge 1" "id:2,phase:2,deny"`).plan.phases[2].length, 2)
  })
})

it('When there is no more room for what phases came to, it is found out anew', () => {
  const { plan, ...rest } = loaded('SecRule REQUEST_HEADERS_NAMES|TX:none "@rx ^x-evil" "id:1,phase:2,deny"')
  const ruleset = { ...rest, plan: { ...plan, memory: new Memory(new Courses(20_000)) } }
  for (let n = 0; n < 500; n++) {
    equal(ask(ruleset, { headers: { [`x-${n % 97}`]: '1' } }).effect, 'pass')
    equal(ask(ruleset, { headers: { [`x-evil-${n % 89}`]: '1' } }).effect, 'deny')
  }
})
