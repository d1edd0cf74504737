import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isMarkupInjection } from '../../src/firewall/detect/markup-injection.ts'
import { isSqlInjection } from '../../src/firewall/detect/sql-injection.ts'
import { isSqlStatement } from '../../src/firewall/detect/sql-statement.ts'
import { MARKUP_ATTACKS, NO_MARKUP_ATTACKS, NO_SQL_ATTACKS, SQL_ATTACKS } from './detector-answers.ts'

const steps = () => ({ left: 1_000_000 })

describe('the answers are those of libinjection', () => {
  const asks = [
    ['an attack by SQL', isSqlInjection, SQL_ATTACKS, true],
    ['no attack by SQL', isSqlInjection, NO_SQL_ATTACKS, false],
    ['an attack by markup', isMarkupInjection, MARKUP_ATTACKS, true],
    ['no attack by markup', isMarkupInjection, NO_MARKUP_ATTACKS, false],
  ] as const
  for (const [name, is, texts, answer] of asks)
    it(name, () => {
      deepEqual(
        texts.filter((text) => is(text, steps()) !== answer),
        [],
      )
    })
})

describe('a statement of SQL', () => {
  for (const text of [
    "1' OR '1'='1",
    '1 or 1=1',
    "' union/**/all select null,null--",
    '1;drop table members',
    "admin'--",
    '1) and sleep(5) and (1=1',
    'ascii(substring(version() from 1 for 1))',
    "'; waitfor delay '0:0:5'--",
    "1' procedure analyse(extractvalue(1,concat(0x5c,version())),1)#",
    '1 and/*!50000(select*/1)',
  ])
    it(`is one: ${text}`, () => {
      equal(isSqlInjection(text, steps()), true)
      equal(isSqlStatement(text, steps()), true)
    })
  for (const text of [
    '',
    "O'Neil",
    'rent for May',
    'select',
    'a-b',
    'acc_01J8Z',
    '128.50',
    'C# and C++',
    'www.example.com/a?b=c',
    'order 66',
  ])
    it(`is none: ${text}`, () => {
      equal(isSqlInjection(text, steps()), false)
      equal(isSqlStatement(text, steps()), false)
    })
})

describe('a script in a page', () => {
  for (const text of [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '"><svg/onload=alert(1)>',
    "' onmouseover=alert(1) '",
    '<a href="jav&#x09;ascript:alert(1)">',
    '<a href=" javascript:alert(1)">',
    '<!doctype html>',
    '<!--[if gte IE 4]><script>',
    '<b style="x:expression(1)">',
    '<sCrIpT\0>',
  ])
    it(`is one: ${JSON.stringify(text)}`, () => equal(isMarkupInjection(text, steps()), true))
  for (const text of ['', '1 < 2', 'a=b', '<b>bold</b>', '<a href="https://example.com">', 'x > y', '<3', 'x only=5'])
    it(`is none: ${JSON.stringify(text)}`, () => equal(isMarkupInjection(text, steps()), false))
})

it('Whatever the text, detectors come to an end in steps that grow with it', () => {
  const mark = fc.constantFrom(
    "'",
    '"',
    '/*',
    '*/',
    '--',
    '#',
    '\\',
    '<',
    '>',
    '=',
    '(',
    ')',
    '`',
    '$$',
    '@@',
    '[',
    '{',
    'select ',
    'a',
    '\0',
    '&#',
    ';',
  )
  fc.assert(
    fc.property(fc.array(mark, { maxLength: 400 }), fc.integer({ min: 1, max: 12 }), (marks, times) => {
      const text = marks.join('').repeat(times)
      const counted = { left: 1_000_000 }
      isSqlInjection(text, counted)
      isSqlStatement(text, counted)
      isMarkupInjection(text, counted)
      equal(1_000_000 - counted.left < 100 + text.length * 30, true)
    }),
  )
})
