import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { money } from '../../../src/kernel/money.ts'
import { compiled, policyFile, riskFacts } from '../fixtures.ts'

const inYuan = riskFacts({ transfer: { amount: money('CNY', 10_000n) } })
const inDollars = riskFacts({ transfer: { amount: money('USD', 10_000n) } })

/** What becomes of both transfers by a rule with this condition; held when it does not apply. */
function outcomes(when: string, effect: 'accept' | 'reject'): string {
  const bundle = compiled(policyFile('risk', `  - { id: one, when: ${JSON.stringify(when)}, effect: ${effect} }`))
  return [inYuan, inDollars].map((facts) => bundle.assess(facts).outcome).join(' ')
}

describe('in a condition, money', () => {
  const cases: readonly [when: string, outcomes: string][] = [
    ["transfer.amount == money('CNY', '100.00')", 'accept hold'],
    ["transfer.amount != money('CNY', '100.00')", 'hold accept'],
    ["transfer.amount in [money('USD', '100.00'), money('CNY', '1.00')]", 'hold accept'],
    ["transfer.amount in [money('USD', '1.00'), money('CNY', '100.00')]", 'accept hold'],
    ["transfer.amount > money('CNY', '99.99') && transfer.amount < money('CNY', '100.01')", 'accept hold'],
    ["transfer.amount >= money('CNY', '100.01')", 'hold hold'],
    ["transfer.amount.currency == 'USD' && transfer.amount <= money('USD', '100.00')", 'hold accept'],
  ]
  for (const [when, expected] of cases) it(when, () => equal(outcomes(when, 'accept'), expected))
})

it('An order between two currencies is an error, which lets nothing pass', () => {
  const when = JSON.stringify("transfer.amount < money('CNY', '500.00')")
  const { outcome, considered } = compiled(policyFile('risk', `  - { id: one, when: ${when}, effect: accept }`)).assess(
    inDollars,
  )
  deepEqual([outcome, considered.map((rule) => rule.outcome)], ['hold', ['error']])
})

it('Amounts of two currencies are not equal, so that a refusal of one amount is none of another currency', () => {
  equal(outcomes("transfer.amount == money('CNY', '100.00')", 'reject'), 'reject hold')
})
