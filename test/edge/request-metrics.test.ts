import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Registry } from 'prom-client'
import { countRequests } from '../../src/edge/request-metrics.ts'

/** What is scraped after these requests: the lines of one metric, by what stands before the value. */
async function scrape(observe: (metrics: ReturnType<typeof countRequests>) => void): Promise<Map<string, number>> {
  const registry = new Registry()
  observe(countRequests(registry))
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

test('requests are counted by route and status, refusals by code', async () => {
  const values = await scrape(({ observe }) => {
    observe('accounts.read', 200, null, 3)
    observe('accounts.read', 200, null, 4)
    observe('accounts.read', 403, 'policy_denied', 0)
    observe('none', 404, 'route_not_found', 0)
  })
  assert.equal(values.get('tidegate_requests_total{route="accounts.read",status="200"}'), 2)
  assert.equal(values.get('tidegate_requests_total{route="accounts.read",status="403"}'), 1)
  assert.equal(values.get('tidegate_requests_total{route="none",status="404"}'), 1)
  assert.equal(values.get('tidegate_refusals_total{code="policy_denied"}'), 1)
})

test('an upstream that makes up statuses makes one series more', async () => {
  const values = await scrape(({ observe }) => {
    for (let status = 600; status < 1000; status++) observe('accounts.read', status, null, 1)
  })
  const series = [...values].filter(([name]) => name.startsWith('tidegate_requests_total'))
  assert.deepEqual(series, [['tidegate_requests_total{route="accounts.read",status="other"}', 400]])
})

test('each duration is in all buckets that it fits into, and in the sum', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 12_000 }), { minLength: 1 }), async (durations) => {
      const values = await scrape(({ observe }) => {
        for (const ms of durations) observe('r', 200, null, ms)
      })
      const bucket = /^tidegate_request_seconds_bucket\{route="r",le="(.+)"\}$/
      const buckets = [...values].flatMap(([name, count]) => {
        const bound = bucket.exec(name)?.[1]
        return bound === undefined
          ? []
          : [{ bound: bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), count }]
      })
      assert.equal(buckets.length, 13)
      for (const { bound, count } of buckets) assert.equal(count, durations.filter((ms) => ms / 1_000 <= bound).length)
      const sum = durations.reduce((total, ms) => total + ms / 1_000, 0)
      assert.equal(values.get('tidegate_request_seconds_count{route="r"}'), durations.length)
      assert.ok(Math.abs((values.get('tidegate_request_seconds_sum{route="r"}') ?? 0) - sum) < 1e-6)
    }),
  )
})
