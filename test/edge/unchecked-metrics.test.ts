import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { countUnchecked } from '../../src/edge/unchecked-metrics.ts'
import { Problem } from '../../src/kernel/problem.ts'
import type { ServiceClient } from '../../src/platform/service-client.ts'
import type { Bundle } from '../../src/policy/index.ts'
import { budgetOf, policiesWith } from '../services/risk/away.ts'

/** The values of a scrape whose lines begin with the metric's name. */
async function scrape(risk: ServiceClient, bundle: Bundle): Promise<readonly string[]> {
  const registry = new Registry()
  countUnchecked(registry, risk, () => bundle)
  const lines = (await registry.metrics()).split('\n')
  return lines.filter((line) => line.startsWith('tidegate_budget_left'))
}

const NOTHING_LEFT = [
  'tidegate_budget_left{callee="fraud-provider",what="count"} 0',
  'tidegate_budget_left{callee="fraud-provider",what="amount"} 0',
]

for (const [what, call] of [
  ['can not be reached', () => Promise.reject(new Problem('dependency_unavailable'))],
  ['answers what is no budget', async () => ({ status: 503, body: { code: 'internal_error' } })],
] as const) {
  test(`nothing is left of a budget while risk control ${what}`, async () => {
    assert.deepEqual(await scrape({ call }, policiesWith(budgetOf(9, '500.00'))), NOTHING_LEFT)
  })
}

test('risk control is not asked where no policy has a budget', async () => {
  const call = () => assert.fail('it was asked')
  assert.deepEqual(await scrape({ call }, policiesWith('hold')), [])
})
