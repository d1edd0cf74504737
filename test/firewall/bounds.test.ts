import { equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Ruleset } from '../../src/firewall/index.ts'
import { compileBundle } from '../../src/policy/index.ts'
import { readFiles } from '../../src/policy/language/files.ts'
import { loadAtOnce } from '../../src/policy/rulesets/load-rulesets.ts'
import { readRulesets } from '../../src/policy/rulesets/read-rulesets.ts'
import { NOW, shippedFiles } from '../policy/fixtures.ts'
import { ask, FORM, JSON_BODY } from './rulesets.ts'

/** The shipped signatures, as the policies load them. */
function shippedRuleset(): Ruleset {
  const files = shippedFiles()
  ok(compileBundle(files, NOW).bundle !== null)
  const { shaped } = readFiles(files)
  const [ruleset] = loadAtOnce(readRulesets(shaped, files, undefined).contents, NOW).rulesets.values()
  ok(ruleset !== undefined)
  return ruleset
}

const ruleset = shippedRuleset()
const ATTACK = "1' or 1=1 --"

describe('there is no way around a ruleset by size', () => {
  const isRefused = (asked: Parameters<typeof ask>[1]): boolean => ask(ruleset, asked).effect === 'deny'

  it('behind 10,000 parameters, or among more than are read', () => {
    const many = (count: number) => Array.from({ length: count }, (_, n) => `p${n}=v`).join('&')
    for (const count of [10_000, 25_000]) {
      const body = `${many(count)}&q=${encodeURIComponent(ATTACK)}`
      equal(isRefused({ target: '/', body, headers: FORM }), true, `a form of ${count}`)
      equal(isRefused({ target: `/?${body}` }), true, `a query of ${count}`)
    }
    const values = Object.fromEntries(Array.from({ length: 25_000 }, (_, n) => [`p${n}`, 'v']))
    equal(isRefused({ body: JSON.stringify({ ...values, q: ATTACK }), headers: JSON_BODY }), true)
  })

  it('behind 128 KiB and a megabyte of padding, before and after', () => {
    for (const [bytes, paddings] of [
      [131_072, ['a', ' ', '%20', "'", '(', '<', '\\', '/*', '&#', 'select ']],
      [1_000_000, ['a', "'"]],
    ] as const) {
      for (const padding of paddings) {
        const filled = padding.repeat(bytes / padding.length)
        for (const q of [`${filled} ${ATTACK}`, `${ATTACK} ${filled}`]) {
          equal(isRefused({ body: JSON.stringify({ q }), headers: JSON_BODY }), true, `${bytes} of ${padding}`)
        }
      }
    }
  })

  it('by nesting, by a second encoding, or by names of another case', () => {
    const nested = `${'{"a":'.repeat(300)}"${ATTACK}"${'}'.repeat(300)}`
    equal(isRefused({ body: nested, headers: JSON_BODY }), true)
    equal(isRefused({ body: `${'['.repeat(100_000)}${']'.repeat(100_000)}`, headers: JSON_BODY }), true)
    equal(isRefused({ target: `/?q=${encodeURIComponent(encodeURIComponent(ATTACK))}` }), true)
    equal(isRefused({ target: `/?q=%u0027%20or%201=1--` }), true)
    equal(
      isRefused({
        body: `Q=${encodeURIComponent(ATTACK)}`,
        headers: { 'content-type': 'Application/X-WWW-Form-Urlencoded' },
      }),
      true,
    )
  })
})

it('Whatever is sent, an answer comes, and within the steps that a request may take', () => {
  const piece = fc.constantFrom(
    "'",
    '"',
    '<',
    '>',
    '(',
    ')',
    '/*',
    '*/',
    '--',
    '#',
    '&#x',
    ';',
    '%',
    '%25',
    '\\',
    '\\u00',
    '${',
    '{{',
    '../',
    '..\\',
    '\r\n',
    '\0',
    'select ',
    'union ',
    'or ',
    '1=1',
    'a',
    ' ',
    '|',
    '`',
    'on',
    'x=',
    '=',
    '[',
    ']',
    '{',
    '}',
    '$',
    '@@',
    '~',
    '!',
    '+',
    ',',
    'é',
    '\xff',
  )
  const value = fc
    .tuple(fc.array(piece, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 300 }))
    .map(([pieces, times]) => pieces.join('').repeat(times).slice(0, 40_000))
  fc.assert(
    fc.property(
      value,
      fc.constantFrom('query', 'form', 'json', 'xml', 'raw', 'header', 'cookie', 'multipart'),
      (text, where) => {
        const encoded = encodeURIComponent(text)
        const asked = {
          query: { target: `/?q=${encoded}` },
          form: { body: `q=${encoded}`, headers: FORM },
          json: { body: JSON.stringify({ q: text }), headers: JSON_BODY },
          xml: { body: `<a b="${text}">${text}</a>`, headers: { 'content-type': 'text/xml' } },
          raw: { body: text, headers: { 'content-type': 'text/plain' } },
          header: { headers: { referer: text } },
          cookie: { headers: { cookie: `a=${text}` } },
          multipart: {
            body: `--b\r\nContent-Disposition: form-data; name="q"\r\n\r\n${text}\r\n--b--\r\n`,
            headers: { 'content-type': 'multipart/form-data; boundary=b' },
          },
        }[where]
        const { effect, fault, rule } = ask(ruleset, asked)
        ok(effect === 'pass' ? fault === null : rule !== null || fault !== null)
      },
    ),
    { numRuns: 300 },
  )
})
