import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ChainFacts, decideChain } from '../../../src/policy/index.ts'
import { accessFacts, compiled, policyFile, riskFacts } from '../fixtures.ts'

const bundle = compiled(
  policyFile(
    'firewall',
    '  - { id: no-put, match: { methods: [PUT] }, effect: deny, why: Nothing is put., remedy: Post. }',
  ),
  policyFile('access', '  - { id: readers, match: { scopes: [read] }, effect: allow }'),
  policyFile(
    'quota',
    '  - { id: some, match: { methods: [GET] }, effect: { throttle: { limit: 3, per: 1m, key: source, cost: request } } }\n' +
      '  - { id: trial, when: "true", mode: shadow, effect: { throttle: { limit: 1, per: 1m, key: source, cost: request } } }',
  ),
  policyFile(
    'risk',
    '  - { id: much, match: { amount: { currency: CNY, from: "500.00" } }, effect: reject, why: Too much. }\n' +
      '  - { id: rest, when: "true", effect: accept }',
  ),
)

function request(overrides: Partial<ChainFacts> = {}): ChainFacts {
  const facts = accessFacts({ principal: { scopes: ['read'] } })
  return { ...facts, scopesNeeded: ['read'], risk: null, usedUp: [], ...overrides }
}

const decide = (overrides: Partial<ChainFacts>) => {
  const { outcome, stage, rule, refusal, steps } = decideChain(bundle, request(overrides))
  return { outcome, stage, rule, code: refusal?.code ?? null, stages: steps.map((step) => step.stage) }
}

describe('the whole chain', () => {
  it('passes what every stage passes, and names the rule that allowed', () => {
    deepEqual(decide({}), {
      outcome: 'allow',
      stage: 'authorize',
      rule: 'access/readers',
      code: null,
      stages: ['screen', 'authenticate', 'meter', 'authorize'],
    })
  })

  it('stops at the stage that refuses, in the order of the edge', () => {
    const refusals: readonly (readonly [Partial<ChainFacts>, string, string, string])[] = [
      [
        { request: { ...request().request, method: 'PUT' }, principal: null },
        'screen',
        'firewall/no-put',
        'firewall_denied',
      ],
      [{ principal: null, usedUp: ['quota/some'] }, 'authenticate', 'route/accounts.read', 'unauthenticated'],
      [{ usedUp: ['quota/some'], scopesNeeded: ['write'] }, 'meter', 'quota/some', 'quota_exceeded'],
      [{ scopesNeeded: ['read', 'write'] }, 'authorize', 'route/accounts.read', 'insufficient_scope'],
      [{ ...accessFacts(), scopesNeeded: [] }, 'authorize', 'access/default-deny', 'policy_denied'],
    ]
    for (const [given, stage, rule, code] of refusals) {
      const decided = decide(given)
      deepEqual([decided.outcome, decided.stage, decided.rule, decided.code], ['deny', stage, rule, code])
      equal(decided.stages.at(-1), stage)
    }
  })

  it('lists the quotas that apply, and a shadow one that is used up refuses nothing', () => {
    const { outcome, steps } = decideChain(bundle, request({ usedUp: ['quota/trial'] }))
    const meter = steps.find(({ stage }) => stage === 'meter')
    equal(outcome, 'allow')
    deepEqual(
      meter?.charges.map(({ quota }) => quota.name),
      ['quota/some', 'quota/trial'],
    )
    deepEqual(meter?.considered, [{ rule: 'quota/trial', outcome: 'shadow', mode: 'shadow', effect: 'throttle' }])
  })

  it('ends with what risk control says of a transfer', () => {
    const accepted = decide({ risk: riskFacts() })
    deepEqual([accepted.outcome, accepted.stage, accepted.rule], ['accept', 'assess', 'risk/rest'])
    const { transfer } = riskFacts()
    const much = riskFacts({ transfer: { ...transfer, amount: { ...transfer.amount, minor: 50_000n } } })
    const { outcome, refusal } = decideChain(bundle, request({ risk: much }))
    deepEqual([outcome, refusal?.code, refusal?.why], ['reject', 'risk_rejected', 'Too much.'])
  })
})
