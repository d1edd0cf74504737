import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fromRfc3339, type Instant } from '../../../src/kernel/clock.ts'
import { type Bundle, compileBundle, type SourceFile } from '../../../src/policy/index.ts'
import { accessFacts, compiled, NOW, policyFile, riskFacts } from '../fixtures.ts'

const JUNE = "expires: '2026-06-01T00:00:00Z'"
const AFTER_JUNE = fromRfc3339('2026-06-01T00:00:00Z') as Instant
const access = (keys: string) => policyFile('access', `  - { id: one, when: 'true', ${keys} }`)
const quota = (limit: string, per: string, cost = 'request') =>
  policyFile(
    'quota',
    `  - { id: calls, when: 'true', effect: { throttle: { limit: ${limit}, per: ${per}, key: source, cost: ${cost} } } }`,
  )

function codes(file: ReturnType<typeof policyFile>, before: Bundle | undefined, now: Instant = NOW) {
  const { findings } = compileBundle([file], now, before === undefined ? {} : { before })
  return findings.map(({ line, column, severity, code }) => `${line}:${column} ${severity} ${code}`)
}

describe('a rule that was enforced and now is in shadow', () => {
  const enforced = compiled(access('effect: deny'))

  it('says who answers for it and when that ends', () => {
    for (const rest of ['', ', owner: ann', `, ${JUNE}`]) {
      deepEqual(codes(access(`effect: deny, mode: shadow${rest}`), enforced), ['3:50 error loosens-forever'])
    }
    deepEqual(codes(access(`effect: deny, mode: shadow, owner: ann, ${JUNE}`), enforced), [])
  })

  it('does not lose its date by another edit', () => {
    const excused = compiled(access(`effect: deny, mode: shadow, owner: ann, ${JUNE}`))
    deepEqual(codes(access('effect: deny, mode: shadow, owner: ann'), excused), ['3:50 error loosens-forever'])
    deepEqual(codes(access(`effect: deny, mode: shadow, owner: ann, ${JUNE}`), excused), [])
  })

  it('is told from one that is new, that was always in shadow, or that lets pass', () => {
    deepEqual(codes(access('effect: deny, mode: shadow'), undefined), [])
    deepEqual(codes(access('effect: deny, mode: shadow'), compiled(access('effect: deny, mode: shadow'))), [])
    deepEqual(codes(access('effect: allow, mode: shadow'), compiled(access('effect: allow'))), [])
  })

  it('is enforced again from its date on, and the check warns of it', () => {
    const file = access(`effect: deny, mode: shadow, owner: ann, ${JUNE}`)
    equal(compiled(file).authorize(accessFacts()).rule, 'access/default-deny')
    equal(compiled(file).validUntil, AFTER_JUNE)
    const { bundle, findings } = compileBundle([file], AFTER_JUNE, { before: enforced })
    deepEqual(
      findings.map(({ severity, code }) => [severity, code]),
      [['warning', 'expired']],
    )
    equal(bundle?.authorize(accessFacts()).rule, 'access/one')
    equal(bundle?.rules[0]?.mode, 'enforce')
    equal(bundle?.validUntil, null)
  })
})

describe('what has a date', () => {
  const cases: readonly [kind: 'access' | 'risk', keys: string, before: string, after: string][] = [
    ['access', 'effect: allow', 'access/one', 'access/default-deny'],
    ['access', 'effect: allow, mode: shadow', 'access/default-deny', 'access/default-deny'],
    ['access', 'effect: deny', 'access/one', 'access/default-deny'], // a block for a time
    ['access', 'effect: { stepUp: { maxAge: 5m } }, mode: shadow', 'access/default-deny', 'access/one'],
    ['risk', 'effect: accept', 'risk/one', 'risk/default-hold'],
    ['risk', 'effect: review, mode: shadow', 'risk/default-hold', 'risk/one'],
    ['risk', 'effect: reject, mode: shadow', 'risk/default-hold', 'risk/one'],
  ]
  for (const [kind, keys, before, after] of cases) {
    it(`ends as it should: ${kind}, ${keys}`, () => {
      const file = policyFile(kind, `  - { id: one, when: 'true', ${keys}, owner: ann, ${JUNE} }`)
      const ruleAt = (now: Instant) => {
        const { bundle } = compileBundle([file], now)
        return kind === 'access' ? bundle?.authorize(accessFacts()).rule : bundle?.assess(riskFacts()).rule
      }
      deepEqual([ruleAt(NOW), ruleAt(AFTER_JUNE)], [before, after])
    })
  }

  it('is warned of in its last 14 days', () => {
    const file = access(`effect: allow, owner: ann, ${JUNE}`)
    const day = 86_400_000
    deepEqual(codes(file, undefined, (AFTER_JUNE - 14 * day - 1) as Instant), [])
    deepEqual(codes(file, undefined, (AFTER_JUNE - 14 * day) as Instant), ['3:66 warning expires-soon'])
    deepEqual(codes(file, undefined, AFTER_JUNE), ['3:66 warning expired'])
  })

  it('no longer skips when it has lapsed', () => {
    const rules = `  - { id: skip, when: 'true', effect: { skip: [access/deny] }, owner: ann, ${JUNE} }\n  - { id: deny, when: 'true', effect: deny }\n  - { id: all, when: 'true', effect: allow }`
    const effectAt = (now: Instant) =>
      compileBundle([policyFile('access', rules)], now).bundle?.authorize(accessFacts()).effect
    deepEqual([effectAt(NOW), effectAt(AFTER_JUNE)], ['allow', 'deny'])
  })
})

describe('a quota that is raised in place', () => {
  const money = (value: string) => `{ currency: CNY, value: '${value}' }`
  const cases: readonly [
    what: string,
    before: [string, string, string?],
    now: [string, string, string?],
    warned: boolean,
  ][] = [
    ['more in the same time', ['10', '10s'], ['11', '10s'], true],
    ['as many in less time', ['10', '10s'], ['10', '9s'], true],
    ['more at once at the same rate', ['10', '10s'], ['60', '1m'], true],
    ['fewer at once at a higher rate', ['10', '10s'], ['5', '1s'], true],
    ['the same in other words', ['10', '60s'], ['10', '1m'], false],
    ['fewer in as much time', ['10', '10s'], ['9', '10s'], false],
    ['fewer at once, at a lower rate', ['10', '1s'], ['1', '500ms'], false],
    ['more money', [money('1.00'), '1d', 'amount'], [money('1.01'), '1d', 'amount'], true],
    ['the same money', [money('1.00'), '1d', 'amount'], [money('1.00'), '1d', 'amount'], false],
    ['another cost', ['10', '1d'], [money('99.00'), '1d', 'amount'], false],
  ]
  for (const [what, before, now, warned] of cases) {
    it(`${what}: ${warned ? 'a warning' : 'nothing'}`, () => {
      deepEqual(codes(quota(...now), compiled(quota(...before))), warned ? ['3:40 warning loosens'] : [])
    })
  }
})

describe('a list that a rule lets pass by', () => {
  const BY_MATCH = 'match: { lists: [near] }'
  const BY_CONDITION = 'when: "listed(source.ip, \'near\')"'
  const rule = (kind: 'firewall' | 'risk', keys: string) => policyFile(kind, `  - { id: one, ${keys} }`)
  const near = (keys: string) => policyFile('lists', `  - { name: near, ${keys} }`)
  const found = (...files: readonly SourceFile[]) =>
    compileBundle(files, NOW).findings.map(
      ({ file, line, column, severity, code }) => `${file}:${line}:${column} ${severity} ${code}`,
    )

  it('has entries that somebody answers for, and that lapse', () => {
    const entry = `{ is: 192.0.2.1, owner: ann, ${JUNE} }`
    for (const file of [
      rule('firewall', `${BY_MATCH}, effect: allow`),
      rule('risk', `${BY_CONDITION}, effect: accept`),
    ]) {
      deepEqual(found(file, near(`cidrs: [${entry}]`)), [])
      deepEqual(found(file, near(`cidrs: [192.0.2.1], owner: ann, ${JUNE}`)), [])
      deepEqual(found(file, near(`cidrs: [${entry}, 192.0.2.2]`)), ['lists.yaml:3:91 error loosens-forever'])
      deepEqual(found(file, near('cidrs: [192.0.2.2], owner: ann')), ['lists.yaml:3:27 error loosens-forever'])
    }
  })

  it('is told from one that a rule refuses by, and from one of a rule that ends itself', () => {
    const lasting = near('cidrs: [192.0.2.1]')
    deepEqual(found(rule('firewall', `${BY_MATCH}, effect: deny`), lasting), [])
    deepEqual(found(rule('firewall', `${BY_MATCH}, effect: { tag: [near] }`), lasting), [])
    deepEqual(found(rule('firewall', `${BY_MATCH}, effect: allow, owner: ann, ${JUNE}`), lasting), [])
  })

  it('warns of an entry in its last 14 days', () => {
    const soon = "{ is: 192.0.2.1, owner: ann, expires: '2026-03-10T00:00:00Z' }"
    deepEqual(found(rule('firewall', `${BY_MATCH}, effect: allow`), near(`cidrs: [${soon}]`)), [
      'lists.yaml:3:27 warning expires-soon',
    ])
  })
})
