import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { money } from '../../../src/kernel/money.ts'
import { compileBundle } from '../../../src/policy/index.ts'
import { compiled, findingsIn, NOW, policyFile, shippedFiles } from '../fixtures.ts'

const RULES = "  - { id: one, when: 'true', effect: accept }"

/** A risk file that says this of the fraud provider, in its line 3. */
function saying(onError: string, path = 'risk.yaml') {
  const { text } = policyFile('risk', RULES)
  const calls = `kind: risk\ncalls:\n  fraud-provider: { onError: ${onError} }\n`
  return { path, text: text.replace('kind: risk\n', calls) }
}

const AMOUNT = "{ currency: CNY, value: '500.00' }"
const BUDGET = `{ budget: { count: 20, amount: ${AMOUNT}, per: 1h }, then: hold }`

const ROUTE = {
  ...{ id: 'transfers', host: null, path: '/v1/transfers', methods: ['POST'], scopes: ['transfers:write'] },
  ...{ isPublic: false, upstream: 'cash-flow', budgetMs: null, calls: [], body: null },
}

describe('what policies say of a fraud provider that does not answer', () => {
  it('is hold in the shipped files, and where no file says anything', () => {
    deepEqual(compiled(...shippedFiles()).onError, { 'fraud-provider': { kind: 'hold' } })
    deepEqual(compiled(policyFile('risk', RULES)).onError, { 'fraud-provider': { kind: 'hold' } })
  })

  it('is one word, or a budget with what comes after it', () => {
    deepEqual(compiled(saying('closed')).onError['fraud-provider'], { kind: 'closed' })
    const amount = money('CNY', 50_000n)
    deepEqual(compiled(saying(BUDGET)).onError['fraud-provider'], {
      ...{ kind: 'budget', count: 20, amount, perMs: 3_600_000, whenSpent: 'hold' },
    })
  })

  it('is warned of when nothing bounds it', () => {
    deepEqual(findingsIn(saying('open')), ['risk.yaml:3:30 warning unbounded-open'])
  })

  const wrong: readonly [what: string, onError: string, code: string][] = [
    ['an unknown word', '▸opne', 'shape'],
    ['a budget without an end', `▸{ budget: { count: 20, amount: ${AMOUNT}, per: 1h } }`, 'missing-key'],
    ['an open end', `{ budget: { count: 20, amount: ${AMOUNT}, per: 1h }, then: ▸open }`, 'shape'],
    ['no transfer at all', BUDGET.replace('20', '▸0'), 'shape'],
    ['more transfers than are counted', BUDGET.replace('20', '▸10001'), 'shape'],
    ['money of another scale', BUDGET.replace("'500.00'", "▸'500.000'"), 'bad-money'],
    ['a time that is no duration', BUDGET.replace('1h', '▸hourly'), 'shape'],
    ['a time that is not counted over', BUDGET.replace('1h', '▸32d'), 'too-long'],
  ]
  for (const [what, onError, code] of wrong) {
    it(`can not be ${what}`, () => {
      const column = `  fraud-provider: { onError: ${onError}`.indexOf('▸') + 1
      deepEqual(findingsIn(saying(onError.replace('▸', ''))), [`risk.yaml:3:${column} error ${code}`])
    })
  }

  it('is said once over all files', () => {
    deepEqual(findingsIn(saying('hold', 'a.yaml'), saying('hold', 'b.yaml')), [
      'b.yaml:3:3 error duplicate-call',
      'b.yaml:5:11 error duplicate-id',
    ])
  })

  it('has no default where a route that moves money asks for it', () => {
    const codes = (onError: string, ...tags: string[]) => {
      const file = saying(onError)
      const said = onError === '' ? policyFile('risk', RULES) : file
      const surface = { routes: [{ ...ROUTE, assess: 'transfer' as const, tags }] }
      return compileBundle([said], NOW, { surface }).findings.map(({ code }) => code)
    }
    deepEqual([codes('', 'money'), codes('hold', 'money'), codes('', 'public')], [['no-on-error'], [], []])
  })

  for (const [was, is, more] of [
    ['hold', 'closed', false],
    ['closed', 'hold', false],
    ['hold', BUDGET, true],
    [BUDGET, BUDGET, false],
    [BUDGET, 'hold', false],
    [BUDGET, BUDGET.replace('20', '21'), true],
    [BUDGET, BUDGET.replace('500.00', '500.01'), true],
    [BUDGET, BUDGET.replace('1h', '59m'), true],
    [BUDGET, BUDGET.replace('1h', '2h'), false],
    [BUDGET, BUDGET.replace('CNY', 'USD'), true],
    ['open', BUDGET, false],
  ] as const) {
    it(`${more ? 'is' : 'is not'} told of as more than what is in force: ${is} after ${was}`, () => {
      const before = compiled(saying(was))
      const codes = compileBundle([saying(is)], NOW, { before }).findings.map(({ code }) => code)
      deepEqual(codes, more ? ['loosens'] : [])
    })
  }

  it('is asked of those we ask, and of risk files only', () => {
    const unknown = saying('hold')
    const text = unknown.text.replace('fraud-provider', 'fraud-provder')
    deepEqual(findingsIn({ ...unknown, text }), ['risk.yaml:3:3 error unknown-key'])
    const access = policyFile('access', "  - { id: one, when: 'true', effect: allow }")
    const calls = access.text.replace('rules:', 'calls: { fraud-provider: { onError: hold } }\nrules:')
    equal(findingsIn({ ...access, text: calls })[0], 'access.yaml:2:1 error unknown-key')
  })
})
