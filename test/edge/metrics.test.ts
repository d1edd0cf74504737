import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { parse } from 'yaml'
import { type EdgeCalls, edgeCalls } from '../support/edge-calls.ts'
import { type ExposedMetric, exposedIn, metricsIn } from '../support/exposed-metrics.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

const PAGE = readFileSync('docs/metrics.md', 'utf8')
const BOARD = JSON.parse(readFileSync('config/observability/grafana-edge.json', 'utf8')) as Board
const ALERTS = parse(readFileSync('config/observability/alerts.yml', 'utf8')) as Alerts

type Board = { readonly panels: readonly Panel[] }
type Panel = { readonly id: number; readonly title: string; readonly type: string } & {
  readonly targets?: readonly { readonly expr: string }[]
}
type Alerts = { readonly groups: readonly { readonly rules: readonly Alert[] }[] }
type Alert = { readonly alert: string; readonly expr: string; readonly labels: { readonly severity: string } }

/** Only an edge with TLS of its own, or with a Redis, has these. */
const BY_CONFIGURATION = /^tidegate_(tls_|redis_)/

let platform: TestPlatform
let calls: EdgeCalls
let exposed: ReadonlyMap<string, ExposedMetric>
before(async () => {
  platform = await startTestPlatform()
  calls = edgeCalls(platform)
  assert.equal((await calls.transfer('12.00')).status, 201)
  assert.equal((await calls.transfer('60000.00')).status, 202)
  assert.equal((await calls.call('mem_alice', 'GET', '/v1/accounts/acc_bob')).status, 404)
  assert.equal((await calls.call(null, 'GET', '/v1/nowhere')).status, 404)
  exposed = exposedIn((await calls.operate('operator', 'GET', '/metrics')).text)
})
after(() => platform.close())

describe('what the edge exposes', () => {
  test('is what docs/metrics.md says, by name, type and labels', () => {
    const rows = [...PAGE.matchAll(/^\| `(tidegate_\w+)` \| (\w+) \| (.*?) ?\| .+ \|$/gm)]
    const ours = [...exposed.keys()].filter((name) => name.startsWith('tidegate_')).sort()
    const written = rows.map(([, name = '']) => name).filter((name) => !BY_CONFIGURATION.test(name))
    assert.deepEqual(written.sort(), ours)
    for (const [, name = '', type, labels = ''] of rows) {
      const metric = exposed.get(name)
      if (metric === undefined) continue
      assert.equal(metric.type, type, name)
      const described = [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label)
      if (metric.series.length > 0) assert.deepEqual([...metric.labels].sort(), described.sort(), name)
    }
  })

  test('counts a request, what its rules did, what risk control said and where it went', () => {
    const countOf = (name: string, labels: Record<string, string>): number =>
      exposed
        .get(name)
        ?.series.find((series) => Object.entries(labels).every(([label, value]) => series.labels[label] === value))
        ?.value ?? 0
    assert.equal(countOf('tidegate_requests_total', { route: 'transfers.create', status: '201' }), 1)
    assert.equal(countOf('tidegate_requests_total', { route: 'none', status: '404' }), 1)
    assert.equal(countOf('tidegate_refusals_total', { code: 'route_not_found' }), 1)
    assert.equal(countOf('tidegate_rule_hits_total', { rule: 'risk/provider-accepts', outcome: 'matched' }), 1)
    assert.equal(countOf('tidegate_assessments_total', { outcome: 'accept' }), 1)
    assert.equal(countOf('tidegate_assessments_total', { outcome: 'hold' }), 1)
    assert.equal(countOf('tidegate_upstream_requests_total', { upstream: 'cash-flow', outcome: 'answered' }), 3)
    assert.equal(countOf('tidegate_endpoint_up', { upstream: 'cash-flow' }), 1)
    assert.equal(countOf('tidegate_receipts_total', {}), 4)
    assert.ok(countOf('tidegate_connections', {}) >= 0)
  })
})

describe('what is built on it', () => {
  /** Metrics and labels that an edge does not have. */
  const unknownIn = (expression: string): string[] =>
    metricsIn(expression).flatMap(({ name, labels }) => {
      if (BY_CONFIGURATION.test(name) || name === 'up') return []
      const base = name.replace(/_(?:bucket|sum|count)$/, '')
      const metric = exposed.get(name) ?? exposed.get(base)
      if (metric === undefined) return [`${name} in ${expression}`]
      const own = metric.series.length === 0 ? labels : [...metric.labels, 'le', 'instance', 'job']
      return labels.filter((label) => !own.includes(label)).map((label) => `${name}{${label}} in ${expression}`)
    })

  test('the board asks for nothing that is not exposed', () => {
    const rows = BOARD.panels.filter(({ type }) => type === 'row').map(({ title }) => title)
    assert.deepEqual(rows, [
      'Traffic',
      'Decisions',
      'Upstreams and breakers',
      'Money',
      'Saturation',
      'Review desk and fraud providers',
    ])
    const expressions = BOARD.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    assert.ok(expressions.length > 30)
    assert.deepEqual(expressions.flatMap(unknownIn), [])
    assert.equal(new Set(BOARD.panels.map(({ id }) => id)).size, BOARD.panels.length)
  })

  test('no alert waits for what is not exposed, and the page says what each one means', () => {
    const alerts = ALERTS.groups.flatMap(({ rules }) => rules)
    assert.deepEqual(alerts.map(({ expr }) => expr).flatMap(unknownIn), [])
    const described = [...PAGE.matchAll(/^\| (Tidegate\w+) \| (page|ticket) \|/gm)].map(([, name, severity]) => [
      name,
      severity,
    ])
    const inForce = alerts.map(({ alert, labels }) => [alert, labels.severity])
    assert.deepEqual(described.sort(), inForce.sort())
  })

  test('a metric, or a label of one, that nobody exposes is found', () => {
    assert.equal(unknownIn('rate(tidegate_requests_totals[5m])').length, 1)
    assert.equal(unknownIn('sum by (route) (rate(tidegate_requests_total{state="x"}[5m]))').length, 1)
    assert.equal(unknownIn('sum by (rout) (rate(tidegate_requests_total[5m]))').length, 1)
  })
})
