import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { exposeDesk } from '../../src/edge/desk-metrics.ts'
import { Problem } from '../../src/kernel/problem.ts'
import type { ServiceClient } from '../../src/platform/service-client.ts'

const FIGURES = {
  queues: [{ queue: 'desk', kind: 'held', open: 2, oldestS: 90, money: { currency: 'CNY', value: '110000.00' } }],
  decided: [{ rule: 'risk/provider-doubts', state: 'approved', cases: 3 }],
  timedOut: [{ state: 'declined', cases: 1 }],
  heldS: { p50: 60, p95: 600 },
  fallback: [{ outcome: 'hold', assessments: 4 }],
  holds: { held: 2, unowned: 1 },
  providers: [
    {
      ...{ name: 'fraud-provider', asked: { ok: 3, timeout: 1 }, sumS: 2.5 },
      ...{ buckets: [0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0], cost: { currency: 'CNY', value: '0.90' } },
    },
  ],
}

const exposed = async (call: ServiceClient['call']): Promise<readonly string[]> => {
  const registry = new Registry()
  exposeDesk(registry, { call })
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

test('what risk control says stands in the metrics, asked for once a scrape', async () => {
  let calls = 0
  const lines = await exposed(async () => {
    calls += 1
    return { status: 200, body: FIGURES }
  })
  assert.equal(calls, 1)
  for (const line of [
    'tidegate_cases_open{queue="desk",kind="held",currency="CNY"} 2',
    'tidegate_case_oldest_seconds{queue="desk",kind="held",currency="CNY"} 90',
    'tidegate_case_money{queue="desk",kind="held",currency="CNY"} 110000',
    'tidegate_cases_decided{rule="risk/provider-doubts",state="approved"} 3',
    'tidegate_cases_timed_out{state="declined"} 1',
    'tidegate_case_held_seconds{quantile="0.95"} 600',
    'tidegate_assessments_fallback{outcome="hold"} 4',
    'tidegate_holds 2',
    'tidegate_holds_unowned 1',
    'tidegate_provider_asked_total{provider="fraud-provider",outcome="timeout"} 1',
    'tidegate_provider_cost_total{provider="fraud-provider",currency="CNY"} 0.9',
    'tidegate_provider_seconds_count{provider="fraud-provider"} 4',
  ]) {
    assert.ok(lines.includes(line), `${line} in\n${lines.join('\n')}`)
  }
})

test('while risk control is away, or says what we can not read, nothing is said of the desk', async () => {
  const away: ServiceClient['call'] = async () => {
    throw new Problem('dependency_unavailable')
  }
  for (const call of [away, async () => ({ status: 200, body: { queues: 'many' } })]) {
    const lines = await exposed(call)
    assert.deepEqual(
      lines.filter((line) => line.startsWith('tidegate_c') || line.startsWith('tidegate_provider')),
      [],
    )
  }
})
