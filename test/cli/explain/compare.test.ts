import { deepEqual } from 'node:assert/strict'
import { it } from 'node:test'
import { differencesOf, usedUpIn } from '../../../src/cli/explain/compare.ts'
import type { KeptDecision } from '../../../src/cli/explain/kept-decision.ts'
import type { Considered } from '../../../src/policy/index.ts'
import { accessFacts, compiled, policyFile } from '../../policy/fixtures.ts'

const limit = (id: string, throttle: string) =>
  `  - { id: ${id}, when: "request.headers['x-none'] == ''", effect: { throttle: { ${throttle}, per: 1h, key: principal } } }`
const bundle = compiled(
  policyFile('access', "  - { id: all, when: 'true', effect: allow }"),
  policyFile(
    'quota',
    [
      limit('often', 'limit: 9, cost: request'),
      limit('much', 'limit: { currency: CNY, value: "9.00" }, cost: amount'),
    ].join('\n'),
  ),
)
const facts = { ...accessFacts(), scopesNeeded: [], risk: null, usedUp: [] }

function kept(more: Partial<KeptDecision>, ...counted: readonly Considered[]): KeptDecision {
  const { considered } = bundle.quotas(facts)
  const allowed = bundle.authorize(facts).considered
  const passed = { status: 200, code: null, stage: null, rule: 'access/all', considered: [...considered, ...allowed] }
  const refused = { considered: [...considered, ...counted], ...more }
  return { ...passed, ...(counted.length === 0 ? more : refused) } as unknown as KeptDecision
}

it('a quota that could not be evaluated and had room does not make the decision another one', () => {
  deepEqual(usedUpIn(kept({})), [])
  deepEqual(differencesOf(kept({}), facts, bundle, null), [])
})

it('a quota that could not be evaluated and was used up refuses again', () => {
  const used: Considered = { rule: 'quota/often', outcome: 'matched', mode: 'enforce', effect: 'throttle' }
  const decision = kept({ status: 429, code: 'quota_exceeded', stage: 'meter', rule: 'quota/often' }, used)
  deepEqual(usedUpIn(decision), ['quota/often'])
  deepEqual(differencesOf(decision, facts, bundle, null), [])
})
