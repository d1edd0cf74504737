import { deepEqual, equal, match } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileBundle, formatFinding, type SourceFile } from '../../src/policy/index.ts'
import { findingsIn, NOW, policyFile } from './fixtures.ts'

const rule = (keys: string) => `  - { id: one, ${keys} }`
const access = (keys: string) => policyFile('access', rule(keys))
const plain = (text: string) => ({ path: 'a.yaml', text })

/** Checks that the file has exactly one finding: an error of this code, at the `▸` in its text. */
function expectFinding({ path, text }: SourceFile, code: string) {
  const before = text.slice(0, text.indexOf('▸')).split('\n')
  const found = findingsIn({ path, text: text.replace('▸', '') })
  deepEqual(found, [`${path}:${before.length}:${(before.at(-1)?.length ?? 0) + 1} error ${code}`])
}

describe('a finding stands at the place to mend', () => {
  const cases: readonly [what: string, file: SourceFile, code: string][] = [
    ['an empty file', plain('▸\n'), 'shape'],
    ['a list for a file', plain('▸- kind: access\n'), 'shape'],
    ['broken YAML', plain('kind: access\nrules: [\n▸'), 'yaml'],
    ['a key twice', plain('kind: access\n▸kind: risk\n'), 'yaml'],
    ['an alias', plain('kind: &k access\nname: ▸*k\n'), 'yaml'],
    ['a tag of YAML itself', plain('kind: access\nname: !!str ▸x\n'), 'yaml'],
    ['a tag', plain('kind: ▸!js access\n'), 'yaml'],
    ['two documents', plain('kind: access\n▸---\nkind: risk\n'), 'yaml'],
    ['a key that is no text', plain('kind: access\n▸1: x\n'), 'yaml'],
    ['bytes that are no text', plain('kind: access\n# ▸\u{0}\n'), 'not-text'],
    ['a file that was cut off', plain('kind: access▸'), 'cut-off'],
    ['no kind', plain('▸name: x\n'), 'missing-key'],
    ['an unknown kind', plain('kind: ▸acess\n'), 'unknown-kind'],
    ['an inherited name as kind', plain('kind: ▸toString\n'), 'unknown-kind'],
    ['an unknown key', access("▸wen: 'true', effect: allow"), 'unknown-key'],
    ['a key that JavaScript gives a meaning', access("▸__proto__: {}, when: 'true', effect: allow"), 'unknown-key'],
    ['a missing key', policyFile('access', "  - ▸{ id: one, when: 'true' }"), 'missing-key'],
    ['a wrong effect', access("when: 'true', effect: ▸alow"), 'shape'],
    ['an effect of another kind', access("when: 'true', effect: ▸hold"), 'shape'],
    ['a denial with a code nobody knows', access("when: 'true', effect: { deny: { code: ▸no } }"), 'shape'],
    ['an empty list in match', access('match: { tags: ▸[] }, effect: allow'), 'shape'],
    ['an empty match', access('match: ▸{}, effect: allow'), 'shape'],
    [
      'a rule for everything that does not say so',
      policyFile('access', '  - ▸{ id: a, effect: allow }'),
      'no-condition',
    ],
    ['a pattern after the tail', access('match: { paths: [▸/a/**/b] }, effect: deny'), 'shape'],
    ['a list that is not there', access('match: { lists: [▸gone] }, effect: deny'), 'unknown-list'],
    ['a date', access("when: 'true', effect: deny, expires: ▸soon"), 'bad-date'],
    [
      'examples before rules',
      plain(
        "kind: access\n▸examples: [{name: a, given: {}, expect: {effect: deny}}]\nrules: [{id: a, when: 'true', effect: deny}]\n",
      ),
      'examples-last',
    ],
    ['no examples', plain("▸kind: access\nrules: [{id: a, when: 'true', effect: deny}]\n"), 'missing-key'],
    [
      'an unknown fact in an example',
      plain(
        "kind: access\nrules: [{id: a, when: 'true', effect: deny}]\nexamples: [{name: a, given: {▸requst: {}}, expect: {effect: deny}}]\n",
      ),
      'unknown-key',
    ],
    [
      'money without its scale',
      policyFile('risk', rule("match: { amount: { currency: CNY, from: ▸'5' } }, effect: reject")),
      'bad-money',
    ],
    [
      'money as a number',
      policyFile('risk', rule('match: { amount: { currency: CNY, from: ▸5.00 } }, effect: reject')),
      'shape',
    ],
    [
      'an empty band',
      policyFile('risk', rule("match: { amount: ▸{ currency: JPY, from: '5', below: '5' } }, effect: reject")),
      'empty-band',
    ],
    [
      'a quota over more days than can be counted',
      policyFile(
        'quota',
        rule("when: 'true', effect: { throttle: { limit: 1, per: ▸32d, key: principal, cost: request } }"),
      ),
      'too-long',
    ],
    [
      'a number for a limit of money',
      policyFile(
        'quota',
        rule("when: 'true', effect: { throttle: { limit: ▸5, per: 1d, key: source, cost: amount } }"),
      ),
      'shape',
    ],
    [
      'a duration without unit',
      policyFile(
        'quota',
        rule("when: 'true', effect: { throttle: { limit: 5, per: ▸'10', key: source, cost: request } }"),
      ),
      'shape',
    ],
    [
      'a hold that waits for nobody',
      policyFile(
        'risk',
        rule("when: 'true', effect: { hold: { approvals: ▸0, expiresAfter: 1h, onTimeout: decline } }"),
      ),
      'shape',
    ],
    [
      'a range with bits behind its prefix',
      policyFile('lists', '  - { name: a, cidrs: [▸203.0.113.5/24] }'),
      'bad-cidr',
    ],
    ['a list of both sorts', policyFile('lists', '  - ▸{ name: a, cidrs: [203.0.113.5], strings: [b] }'), 'shape'],
    [
      'a list that stands twice',
      policyFile('lists', '  - { name: a, strings: [b] }\n  - { name: ▸a, strings: [b] }'),
      'duplicate-id',
    ],
  ]
  for (const [what, file, code] of cases) it(what, () => expectFinding(file, code))
})

describe('a mark is checked', () => {
  const LOOSENS = "owner: a, expires: '2027-01-01T00:00:00Z'"
  const DENY = "  - { id: deny, when: 'true', effect: deny }"
  const skip = (names: string) => `  - { id: skip, when: 'true', effect: { skip: [${names}] }, ${LOOSENS} }`
  const tag = "  - { id: tag, when: 'true', effect: { tag: [hot] } }"
  const tagged = (name: string) => `  - { id: seen, match: { tagged: [${name}] }, effect: deny }`
  const cases: readonly [what: string, rules: string, code: string][] = [
    ['a skip of a rule that is not there', `${skip('▸access/dney')}\n${DENY}`, 'unknown-rule'],
    ['a skip of a default', `${skip('▸access/default-deny')}\n${DENY}`, 'unknown-rule'],
    ['a skip of a rule before', `${DENY}\n${skip('▸access/deny')}`, 'skip-too-late'],
    ['a skip of itself', skip('▸access/skip'), 'skip-too-late'],
    ['a tag that no rule gives', `${tag}\n${tagged('▸hit')}`, 'unknown-tag'],
    ['a tag that is given later', `${tagged('▸hot')}\n${tag}`, 'tag-too-late'],
    ['two effects', "  - { id: a, when: 'true', effect: ▸{ deny: { status: 404 }, tag: [a] } }", 'shape'],
    ['no effect', "  - { id: a, when: 'true', effect: ▸{} }", 'shape'],
    ['an effect with a slip', "  - { id: a, when: 'true', effect: { ▸stepup: { maxAge: 5m } } }", 'unknown-key'],
    ['a step-up for nothing', "  - { id: a, when: 'true', effect: { stepUp: ▸{} } }", 'shape'],
    [
      'an acr that would break the header',
      `  - { id: a, when: 'true', effect: { stepUp: { acr: [▸'a"b'] } } }`,
      'shape',
    ],
    [
      'a skip for ever',
      `  - { id: skip, when: 'true', effect: ▸{ skip: [access/deny] }, owner: a }\n${DENY}`,
      'loosens-forever',
    ],
    [
      'a skip of nobody',
      `  - { id: a, when: 'true', effect: ▸{ skip: [access/deny] }, ticket: T-1 }\n${DENY}`,
      'loosens-forever',
    ],
  ]
  for (const [what, rules, code] of cases) it(what, () => expectFinding(policyFile('access', rules), code))

  it('a skip of a kind that was decided before', () => {
    const firewall = policyFile('firewall', DENY)
    deepEqual(findingsIn(policyFile('access', skip('firewall/deny')), firewall), [
      'access.yaml:3:48 error skip-too-late',
    ])
    deepEqual(
      findingsIn(policyFile('firewall', skip('risk/deny')), policyFile('risk', DENY.replace('deny }', 'reject }'))),
      [],
    )
  })

  it('a tag is known in kinds that are decided later, and not before', () => {
    deepEqual(findingsIn(policyFile('firewall', tag), policyFile('access', tagged('hot'))), [])
    deepEqual(findingsIn(policyFile('access', tag), policyFile('firewall', tagged('hot'))), [
      'firewall.yaml:3:35 error tag-too-late',
    ])
  })

  it('more tags than travel in a header', () => {
    const rules = Array.from(
      { length: 33 },
      (_, index) => `  - { id: t${index}, when: 'true', effect: { tag: [t${index}] } }`,
    )
    deepEqual(findingsIn(policyFile('access', rules.join('\n'))), ['access.yaml:35:46 error too-many'])
    deepEqual(findingsIn(policyFile('access', rules.slice(1).join('\n'))), [])
  })
})

describe('a condition is checked', () => {
  const cases: readonly [what: string, when: string, code: string][] = [
    ['for syntax', "'1 +▸'", 'expression'],
    ['for unknown variables', '▸\'reqest.path == "/"\'', 'unknown-name'],
    ['for unknown fields', '\'request.▸pth == "/"\'', 'unknown-name'],
    ['for unknown fields in brackets', '\'request[▸"pth"] == "/"\'', 'unknown-name'],
    ['for unknown fields behind a question', "'has(request.▸pth)'", 'unknown-name'],
    ['for unknown functions', "▸'sizeof(request.path) == 1'", 'unknown-name'],
    ['for unknown functions of a value', '\'(request.path) .▸startWith("/")\'', 'unknown-name'],
    ['for types', "▸'request.path == 1'", 'type'],
    ['for types of a function', "▸'request.path.startsWith(1)'", 'type'],
    ['for types of what has a pattern', '\'true && ▸size(request.path).matches("a")\'', 'type'],
    ['for time zones', '\'now.getHours(▸"Asia/Shangai") < 8\'', 'time-zone'],
    ['for time zones that are not written out', "'now.getHours(▸route.id) < 8'", 'time-zone'],
    ['for types of what has a time zone', '▸\'route.id.getHours("UTC") < 8\'', 'type'],
    ['for what cel-js finds no words for', "▸'[].all(item, item > 0)'", 'type'],
    ['for a truth value', "▸'request.path'", 'type'],
    ['for patterns that are none', '\'1 == 1 && request.path.matches(▸"(a")\'', 'regex'],
    ['for patterns that look back', '\'matches(request.path, ▸r"(a)\\1")\'', 'regex'],
    ['for patterns that are not written out', "'request.path.matches(▸route.id)'", 'regex-not-literal'],
    ['for unknown lists', '\'!listed(source.ip, ▸"gone")\'', 'unknown-list'],
    ['for amounts that are none', '▸\'money("CNY", "1") == money("CNY", "1.00")\'', 'bad-money'],
    [
      'for amounts that are not written out',
      '\'1 == 1 && ▸money("CNY", request.path) == money("CNY", "1.00")\'',
      'bad-money',
    ],
    ['for its size', `'[${'1,'.repeat(100)}▸1].exists(a, a == 1)'`, 'too-costly'],
    ['for loops in loops in loops', "'[1].all(a, [1].all(b, ▸[1].all(c, a == c)))'", 'too-costly'],
  ]
  for (const [what, when, code] of cases) {
    it(what, () => expectFinding(access(`when: ${when}, effect: deny`), code))
  }

  const scalars: readonly [what: string, when: string][] = [
    ['a folded scalar', ">-\n      request.path == '/'\n\n        && request.▸pth == '/'"],
    ['a literal scalar', "|\n      request.path == '/' &&\n      request.▸pth == '/'"],
    ['a plain scalar over two lines', "request.path == '/' &&\n      request.▸pth == '/'"],
    ['single quotes', "'request.path == ''/'' && request.▸pth == ''/'''"],
    ['double quotes', '"request.path == \\"/\\" && request.▸pth == \\"/\\""'],
  ]
  for (const [what, when] of scalars) {
    it(`at its place in ${what}`, () =>
      expectFinding(policyFile('access', `  - id: one\n    when: ${when}\n    effect: deny`), 'unknown-name'))
  }

  const meant: readonly [when: string, hint: string][] = [
    ["reqest.path == '/'", 'request'],
    ["request.methd == 'GET'", 'method'],
    ["request.path.startWith('/')", 'startsWith'],
    ['sise(request.path) == 1', 'size'],
    ["listet(source.ip, 'a')", 'listed'],
  ]
  for (const [when, name] of meant) {
    it(`and ${name} is offered in place of what is unknown in ${when}`, () => {
      const { findings } = compileBundle([access(`when: ${JSON.stringify(when)}, effect: deny`)], NOW)
      deepEqual(
        findings.map(({ hint }) => hint),
        [`did you mean '${name}'?`],
      )
    })
  }

  it('takes a pattern that is linear', () => {
    deepEqual(findingsIn(access('when: \'request.path.matches("^/v[0-9]/(x+|y)+$")\', effect: deny')), [])
  })
})

describe('a check of several files', () => {
  it('finds an id that stands twice in a kind, and takes it in two kinds', () => {
    const one = access("when: 'true', effect: allow")
    const firewall = policyFile('firewall', rule("when: 'true', effect: allow"))
    deepEqual(findingsIn(one, firewall), [])
    deepEqual(findingsIn(one, { ...one, path: 'b.yaml' }), ['b.yaml:3:11 error duplicate-id'])
  })

  it('tells of all that is wrong at once', () => {
    const broken = [access('effect: allow'), { path: 'b.yaml', text: 'kind: acess\n' }]
    deepEqual(findingsIn(...broken), ['access.yaml:3:5 error no-condition', 'b.yaml:1:7 error unknown-kind'])
  })

  it('finds that there are no files', () => deepEqual(findingsIn(), ['.:1:1 error no-files']))

  it('warns of a rule that has lapsed, and serves without it', () => {
    const lapsed = access("when: 'true', effect: allow, expires: '2026-03-01T12:00:00Z'")
    const { bundle, findings } = compileBundle([lapsed], NOW)
    deepEqual(
      findings.map(({ severity, code }) => [severity, code]),
      [['warning', 'expired']],
    )
    equal(bundle?.validUntil, null)
  })
})

it('A finding reads as one line with its hint', () => {
  const [finding] = compileBundle([access("wen: 'true', effect: allow")], NOW).findings
  const line = finding ? formatFinding(finding) : ''
  match(line, /^access\.yaml:3:16: error unknown-key: .*'wen'.* \(did you mean 'when'\?\)$/)
})
