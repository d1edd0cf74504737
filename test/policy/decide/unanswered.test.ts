import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type RiskFacts, runExamples } from '../../../src/policy/index.ts'
import { compiled, findingsIn, NOW, policyFile, riskFacts } from '../fixtures.ts'

const BUDGET = "{ budget: { count: 2, amount: { currency: CNY, value: '500.00' }, per: 1h }, then: closed }"

/** A risk file with these rules that says this of a provider that does not answer. */
function fileWith(onError: string, rules: string) {
  const { path, text } = policyFile('risk', rules)
  return { path, text: text.replace('rules:\n', `calls: { fraud-provider: { onError: ${onError} } }\nrules:\n`) }
}

function assess(onError: string, rules: string, provider: Partial<RiskFacts['provider']> = {}) {
  const facts = riskFacts({ provider: { status: 'unavailable', decision: '', ...provider } })
  return compiled(fileWith(onError, rules)).assess(facts)
}

const rule = (id: string, when: string, effect: string) => `  - { id: ${id}, when: "${when}", effect: ${effect} }\n`

describe('a transfer without an answer of the fraud provider', () => {
  it('is never let pass under hold, and decided by its rules when there is an answer', () => {
    const conditions = fc.constantFrom('true', 'false', 'provider.score < 50', "provider.status == 'unavailable'")
    const effects = fc.constantFrom('accept', 'review', 'reject', '{ tag: [odd] }')
    fc.assert(
      fc.property(fc.array(fc.tuple(conditions, effects), { minLength: 1, maxLength: 5 }), (written) => {
        const rules = written.map(([when, effect], n) => rule(`r${n}`, when, effect)).join('')
        const { outcome, unchecked } = assess('hold', rules)
        equal(unchecked, false)
        equal(outcome === 'hold' || outcome === 'reject', true, outcome)
        const answered = riskFacts()
        const anyWord = ['hold', 'closed', BUDGET].map((word) => compiled(fileWith(word, rules)).assess(answered))
        deepEqual(new Set(anyWord.map((verdict) => verdict.rule)).size, 1)
      }),
      { numRuns: 60 },
    )
  })

  for (const when of [
    'provider.score < 50',
    "provider.status == 'unavailable'",
    '[provider].exists(p, p.score < 50)',
    'transfer.amount.currency == provider.decision || true',
  ]) {
    it(`is not decided by a rule that asks the provider while it passes unchecked: ${when}`, () => {
      const { rule: by, unchecked } = assess('open', rule('asking', when, 'reject'))
      deepEqual([by, unchecked], ['risk/unchecked-accept', true])
    })
  }

  it('passes on a budget only where that was found to have room', () => {
    const outcomes = (['left', 'spent', ''] as const).map(
      (budget) => assess(BUDGET, rule('never', 'false', 'accept'), { budget }).outcome,
    )
    deepEqual(outcomes, ['accept', 'closed', 'closed'])
  })

  it('carries the tag while it passes, so that a rule can hold it, and loses it where it does not pass', () => {
    const onlyUnchecked =
      '  - { id: some, match: { tagged: [unchecked] }, when: "\'unchecked\' in tags", effect: EFFECT }'
    const { outcome, marks } = assess('open', onlyUnchecked.replace('EFFECT', 'review'))
    deepEqual([outcome, marks.tags], ['review', ['unchecked']])
    const rejected = assess('open', onlyUnchecked.replace('EFFECT', 'reject'))
    deepEqual([rejected.outcome, rejected.marks.tags, rejected.unchecked], ['reject', [], false])
    notEqual(assess('hold', onlyUnchecked.replace('EFFECT', 'reject')).outcome, 'reject')
  })

  it('is tagged by nobody else, and seen by risk rules only', () => {
    const tagging = policyFile('firewall', "  - { id: one, when: 'true', effect: { tag: [unchecked] } }")
    deepEqual(findingsIn(tagging), ['firewall.yaml:3:46 error reserved-tag'])
    const tagged = policyFile('firewall', '  - { id: one, match: { tagged: [unchecked] }, effect: deny }')
    deepEqual(findingsIn(tagged), ['firewall.yaml:3:34 error tag-too-late'])
  })

  it('can stand in an example, with a budget that has room and one that is used up', () => {
    const { path, text } = fileWith(BUDGET, rule('never', 'false', 'accept'))
    const example = (budget: string, outcome: string) =>
      `{ name: ${budget}, given: { provider: { status: unavailable, budget: ${budget} } }, expect: { outcome: ${outcome} } }`
    const examples = `examples: [${example('left', 'accept')}, ${example('spent', 'closed')}]`
    const file = { path, text: text.replace(/examples: .*/, examples) }
    deepEqual(
      runExamples(compiled(file), [file], NOW).map(({ ok }) => ok),
      [true, true],
    )
  })
})
