import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { Registry } from 'prom-client'
import { countRules } from '../../src/edge/rule-metrics.ts'
import type { Bundle } from '../../src/policy/index.ts'
import { accessFacts, compiled, policyFile } from '../policy/fixtures.ts'

const OLD = "  - { id: old, when: 'true', effect: deny, mode: shadow }"
const KEPT = "  - { id: kept, when: 'true', effect: allow }"
const FAILING = `  - { id: failing, when: "request.headers['x-missing'] == '1'", effect: deny, mode: shadow }`
const BOTH = compiled(policyFile('access', `${OLD}\n${FAILING}\n${KEPT}`))

let registry: Registry
let bundle: Bundle
let metrics: ReturnType<typeof countRules>
beforeEach(() => {
  registry = new Registry()
  bundle = BOTH
  metrics = countRules(registry, () => bundle)
})

function decide(): void {
  metrics.rulesConsidered(bundle.authorize(accessFacts()).considered)
}

async function series(): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

const KEPT_SERIES = 'tidegate_rule_hits_total{rule="access/kept",effect="allow",mode="enforce",outcome="matched"}'

describe('what rules do is counted', () => {
  test('by rule, effect, mode and outcome; what could not be evaluated apart', async () => {
    decide()
    decide()
    assert.deepEqual(await series(), [
      'tidegate_rule_hits_total{rule="access/old",effect="deny",mode="shadow",outcome="shadow"} 2',
      `${KEPT_SERIES} 2`,
      'tidegate_policy_errors_total{rule="access/failing"} 2',
    ])
  })

  test('a rule that a reload takes away goes, one that it leaves counts on', async () => {
    decide()
    bundle = compiled(policyFile('access', KEPT))
    decide()
    assert.deepEqual(await series(), [`${KEPT_SERIES} 2`])
  })

  test('a rule that is enforced from now on begins anew', async () => {
    decide()
    bundle = compiled(policyFile('access', OLD.replace(', mode: shadow', '')))
    decide()
    assert.deepEqual(await series(), [
      'tidegate_rule_hits_total{rule="access/old",effect="deny",mode="enforce",outcome="matched"} 1',
    ])
  })

  test('a request that ends under the bundle before brings none of its rules back', async () => {
    const { considered } = BOTH.authorize(accessFacts())
    bundle = compiled(policyFile('access', KEPT))
    metrics.rulesConsidered(considered)
    metrics.connectionRefused('firewall/gone')
    assert.deepEqual(await series(), [`${KEPT_SERIES} 1`])
  })
})
