import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Instant } from '../../../src/kernel/clock.ts'
import { compileBundle, runExamples, type SourceFile } from '../../../src/policy/index.ts'
import { accessFacts, compiled, findingsIn, NOW, policyFile } from '../fixtures.ts'

const DENY = policyFile('firewall', '  - { id: far, match: { lists: [far] }, effect: deny }')
const far = (entries: string, path?: string) => policyFile('lists', `  - { name: far, ${entries} }`, path)
const entryFile = (text: string, path = 'far.txt'): SourceFile => ({ path, text })
const from = (ip: string) => accessFacts({ source: { ip } })

describe('a list from a file', () => {
  const list = far('cidrs: [{ file: lists/far.txt }, 192.0.2.1]', 'net/lists.yaml')

  it('has what stands in the file, one entry a line, without comments', () => {
    const text = '# far away\n198.51.100.0/24\r\n\n  2001:db8::/32   # documentation\n'
    const bundle = compiled(DENY, list, entryFile(text, 'net/lists/far.txt'))
    for (const ip of ['198.51.100.9', '2001:db8::1', '192.0.2.1']) equal(bundle.screen(from(ip)).effect, 'deny', ip)
    equal(bundle.screen(from('203.0.113.1')).effect, 'allow')
  })

  it('is part of what the digest names', () => {
    const digest = (text: string) => compiled(DENY, list, entryFile(text, 'net/lists/far.txt')).digest
    equal(digest('198.51.100.1\n'), digest('198.51.100.1\n'))
    equal(digest('198.51.100.1\n') === digest('198.51.100.2\n'), false)
  })

  it('counts files that no list names for nothing', () => {
    const named = entryFile('198.51.100.1\n', 'net/lists/far.txt')
    equal(
      compiled(DENY, list, named, entryFile('not an address', 'notes.txt')).digest,
      compiled(DENY, list, named).digest,
    )
  })

  const faults: readonly [what: string, text: string, at: string][] = [
    ['an entry that is none', '198.51.100.1\n  nonsense # here\n', '2:3 error bad-cidr'],
    ['bytes that are no text', '198.51.100.1\n\u{0}1.2.3.4\n', '2:1 error not-text'],
    ['a file that was cut off', '198.51.100.1\n198.51.100.2', '2:13 error cut-off'],
  ]
  for (const [what, text, at] of faults) {
    it(`is refused at the place: ${what}`, () => {
      deepEqual(findingsIn(DENY, list, entryFile(text, 'net/lists/far.txt')), [`net/lists/far.txt:${at}`])
    })
  }

  it('tells of twenty faults and no more', () => {
    const findings = findingsIn(DENY, list, entryFile('nonsense\n'.repeat(100_000), 'net/lists/far.txt'))
    equal(findings.length, 21)
    equal(findings.at(-1), 'net/lists/far.txt:21:1 error too-many')
  })

  it('that is not there is an error where it is named', () => {
    deepEqual(findingsIn(DENY, far('cidrs: [{ file: far.txt }]')), ['lists.yaml:3:34 error unknown-file'])
  })

  for (const path of ['../far.txt', '/far.txt', 'a/../../far.txt', '.far.txt']) {
    it(`is never ${path}`, () => {
      const findings = findingsIn(DENY, far(`cidrs: [{ file: ${path} }]`), entryFile('198.51.100.1\n', path))
      deepEqual(findings.slice(1), ['lists.yaml:3:34 error shape'])
    })
  }

  it('has a million entries at most', () => {
    const lines = (count: number) => Array.from({ length: count }, (_, index) => `t${index}\n`).join('')
    const strings = far('strings: [{ file: far.txt }]')
    const rule = policyFile('firewall', '  - { id: far, when: "listed(request.path, \'far\')", effect: deny }')
    deepEqual(findingsIn(rule, strings, entryFile(lines(1_000_000))), [])
    deepEqual(findingsIn(rule, strings, entryFile(lines(1_000_001))), ['far.txt:1000001:1 error too-large'])
  })
})

describe('an entry that lapses', () => {
  const soon = "{ is: 198.51.100.1, owner: net, ticket: N-1, expires: '2026-03-01T13:00:00Z' }"
  const files = [DENY, far(`cidrs: [192.0.2.1, ${soon}]`)]

  it('is in the list until then, and the bundle says when to compile again', () => {
    const bundle = compiled(...files)
    equal(bundle.screen(from('198.51.100.1')).effect, 'deny')
    equal(bundle.validUntil, Date.parse('2026-03-01T13:00:00Z'))
  })

  it('is not in it any more from then on, and the check says so', () => {
    const { bundle, findings } = compileBundle(files, (NOW + 3_600_000) as Instant)
    equal(bundle?.screen(from('198.51.100.1')).effect, 'allow')
    equal(bundle?.screen(from('192.0.2.1')).effect, 'deny')
    deepEqual(
      findings.map(({ severity, code, column }) => [severity, code, column]),
      [['warning', 'expired', 37]],
    )
  })

  it('can have its date from the list, or from the file it stands in', () => {
    const late = (NOW + 3_600_000) as Instant
    const dated = "owner: net, expires: '2026-03-01T13:00:00Z'"
    for (const list of [far(`cidrs: [198.51.100.1], ${dated}`), far(`cidrs: [{ file: far.txt, ${dated} }]`)]) {
      const all = [DENY, list, entryFile('198.51.100.1\n')]
      equal(compileBundle(all, NOW).bundle?.screen(from('198.51.100.1')).effect, 'deny')
      equal(compileBundle(all, late).bundle?.screen(from('198.51.100.1')).effect, 'allow')
    }
  })

  it('is told of with its list, once, where the date stands at the list', () => {
    const dated = far("cidrs: [192.0.2.1, 192.0.2.2, 192.0.2.3], owner: net, expires: '2026-03-01T13:00:00Z'")
    deepEqual(findingsIn(DENY, dated), ['lists.yaml:3:81 warning expires-soon'])
  })

  it('has a date', () => {
    deepEqual(findingsIn(DENY, far('cidrs: [{ is: 192.0.2.1, expires: soon }]')), ['lists.yaml:3:26 error bad-date'])
  })
})

it('A list has one type', () => {
  for (const keys of ['cidrs: [192.0.2.1], strings: [a]', 'about: nothing']) {
    equal(findingsIn(policyFile('lists', `  - { name: near, ${keys} }`))[0], 'lists.yaml:3:5 error shape')
  }
})

it('A country is one of ISO 3166-1', () => {
  const countries = (code: string) => policyFile('lists', `  - { name: near, countries: [${code}] }`)
  const errorsIn = (code: string) => findingsIn(countries(code)).filter((line) => !line.includes('unused-list'))
  deepEqual(['CN', 'NO', 'UK', 'cn', 'XX'].map(errorsIn), [
    [],
    [],
    ['lists.yaml:3:31 error unknown-country'],
    ['lists.yaml:3:31 error unknown-country'],
    ['lists.yaml:3:31 error unknown-country'],
  ])
})

it('Examples of lists see what stands in files', () => {
  const text =
    'kind: lists\nlists: [{ name: far, cidrs: [{ file: far.txt }] }]\nexamples: [{ name: a, given: { entry: 192.0.2.9 }, expect: { lists: [far] } }]\n'
  const files = [DENY, { path: 'lists.yaml', text }, entryFile('192.0.2.0/24\n')]
  const results = runExamples(compiled(...files), files, NOW).filter(({ file }) => file === 'lists.yaml')
  deepEqual(
    results.map(({ ok }) => ok),
    [true],
  )
})

it('A rule matches on the country of the source, and no country is none of them', () => {
  const near = policyFile('lists', '  - { name: near, countries: [CN, NO] }')
  const bundle = compiled(near, policyFile('firewall', '  - { id: near, match: { lists: [near] }, effect: deny }'))
  const effectIn = (country: string) => bundle.screen(accessFacts({ source: { country } })).effect
  deepEqual(['CN', 'NO', 'SE', ''].map(effectIn), ['deny', 'deny', 'allow', 'allow'])
})

describe('lists and the rules that use them', () => {
  const allow = (id: string) => policyFile('access', `  - { id: far, match: { lists: [far] }, effect: ${id} }`)
  const dated = "owner: net, expires: '2030-01-01T00:00:00Z'"
  const entries = (...written: readonly string[]) => far(`cidrs: [${written.join(', ')}]`)

  it('let pass only by entries that somebody answers for, and that lapse', () => {
    deepEqual(findingsIn(allow('allow'), entries(`{ is: 192.0.2.1, ${dated} }`, '192.0.2.2')), [
      'lists.yaml:3:90 error loosens-forever',
    ])
    deepEqual(findingsIn(allow('allow'), entries(`{ is: 192.0.2.1, ${dated} }`)), [])
    deepEqual(findingsIn(allow('allow'), far(`cidrs: [192.0.2.1], ${dated}`)), [])
    deepEqual(findingsIn(allow('deny'), entries('192.0.2.1')), [])
  })

  it('let pass by a condition no more than by a match', () => {
    const listed = policyFile('access', '  - { id: far, when: "listed(source.ip, \'far\')", effect: allow }')
    deepEqual(findingsIn(listed, entries('192.0.2.1')), ['lists.yaml:3:26 error loosens-forever'])
  })

  it('match on nothing where a file has no entries: an error; and where all have lapsed: told of', () => {
    const files = [DENY, far('cidrs: [{ file: far.txt }]'), entryFile('# none\n')]
    deepEqual(findingsIn(...files), ['firewall.yaml:3:33 error empty-list'])
    const lapsed = entries("{ is: 192.0.2.1, owner: net, expires: '2026-01-01T00:00:00Z' }")
    deepEqual(findingsIn(DENY, lapsed), ['firewall.yaml:3:33 warning empty-list', 'lists.yaml:3:26 warning expired'])
  })

  it('are told of where no rule uses them', () => {
    const unused = policyFile('lists', '  - { name: other, strings: [a] }', 'other.yaml')
    deepEqual(findingsIn(DENY, entries('192.0.2.1'), unused), ['other.yaml:3:13 warning unused-list'])
  })

  it('are of countries only where a country can be looked up', () => {
    const near = policyFile('lists', '  - { name: near, countries: [CN] }')
    const rules = policyFile(
      'firewall',
      "  - { id: a, match: { lists: [near] }, effect: deny }\n  - { id: b, when: source.country == 'CN', effect: deny }",
    )
    const places = (countries: boolean) =>
      compileBundle([near, rules], NOW, { countries }).findings.map(({ line, column, code }) => [line, column, code])
    deepEqual(places(true), [])
    deepEqual(places(false), [
      [3, 31, 'no-country-database'],
      [4, 20, 'no-country-database'],
    ])
  })
})
