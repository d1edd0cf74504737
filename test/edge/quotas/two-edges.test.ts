import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startPlatform } from '../../../src/main.ts'
import { assertRefused, type EdgeCalls, edgeCalls, eventually } from '../../support/edge-calls.ts'
import { exposedIn } from '../../support/exposed-metrics.ts'
import { prepareTestPlatform, startTestPlatform, type TestPlatform, urlsOf } from '../../support/platform.ts'
import { skipWithoutRedis, startTestRedis, type TestRedis } from '../../support/redis.ts'

const CLOSED = `
  - id: closed
    match: { methods: [GET], paths: [/v1/products/**] }
    effect: { throttle: { limit: 100, per: 1h, key: route, cost: request, onError: closed } }
    owner: platform

examples:`

const config = (text: string): string =>
  text
    .replace('trusted_proxies: []', 'trusted_proxies: ["127.0.0.1/32"]')
    .replace('requests: 6000, per_ms: 10000', 'requests: 30, per_ms: 3600000')
    .replace('allow_loopback:', 'redis: { url: "redis://elsewhere.invalid", timeout_ms: 500 }\nallow_loopback:')
const policies = {
  'quota.yaml': (text: string) =>
    text
      .replace('limit: 1000, per: 10s', 'limit: 8, per: 1h')
      .replace('onError: local }', 'onError: { local: { share: 0.5 } } }')
      .replace('\nexamples:', CLOSED),
}

describe('two edges on one Redis', { skip: skipWithoutRedis }, () => {
  const closings: (() => Promise<void>)[] = []
  let redis: TestRedis
  let edges: readonly EdgeCalls[]
  before(async () => {
    redis = await startTestRedis()
    closings.push(redis.stop)
    const whole = await startTestPlatform({ environment: { TIDEGATE_REDIS_URL: redis.url }, config, policies })
    closings.push(whole.close)
    edges = [edgeCalls(whole), edgeCalls({ ...whole, urls: { ...whole.urls, edge: await startEdgeBeside(whole) } })]
  })
  after(async () => {
    for (const close of closings.reverse()) await close()
  })

  /** An edge by itself, in front of the services of a platform. @returns its URL */
  async function startEdgeBeside({ urls, places }: TestPlatform): Promise<string> {
    const names = ['membership', 'product', 'cash-flow', 'risk', 'settlement', 'identity-provider'] as const
    const elsewhere = names.map((name) => [`TIDEGATE_URL_${name.toUpperCase().replaceAll('-', '_')}`, urls[name]])
    const prepared = await prepareTestPlatform({
      database: 'none',
      environment: { TIDEGATE_REDIS_URL: redis.url, ...Object.fromEntries(elsewhere) },
      config: (text) => config(text).replace(`folder: "\${data}/keys"`, `folder: ${places.data}/keys`),
      policies,
    })
    closings.push(prepared.remove)
    const edge = await startPlatform(prepared.places, prepared.environment, ['edge'])
    closings.push(edge.close)
    return urlsOf(prepared.environment).edge
  }

  const at = (edge: number): EdgeCalls => edges[edge % 2] as EdgeCalls
  const read = (edge: number, headers: Readonly<Record<string, string>>) =>
    at(edge).call('mem_alice', 'GET', '/v1/accounts/acc_alice', { headers })
  const product = (edge: number) =>
    at(edge).call('operator', 'GET', '/v1/products/prd_basic', { headers: { 'x-forwarded-for': '198.51.100.3' } })

  const redisUp = async (): Promise<number | undefined> => {
    const { text } = await at(0).operate('operator', 'GET', '/metrics')
    return exposedIn(text).get('tidegate_redis_up')?.series[0]?.value
  }

  test('count a member together, and tell what is left', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.1' }
    for (let n = 0; n < 8; n++) {
      const answer = await read(n, headers)
      assert.equal(answer.status, 200, answer.text)
      assert.match(answer.headers['ratelimit'] ?? '', new RegExp(`^"member-requests";r=${7 - n};t=\\d+$`))
    }
    for (const edge of [0, 1]) assertRefused(await read(edge, headers), 'quota_exceeded')
  })

  test('count an address together', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.2' }
    for (let n = 0; n < 30; n++)
      assertRefused(await at(n).call(null, 'GET', '/nowhere', { headers }), 'route_not_found')
    for (const edge of [0, 1]) {
      const refused = await at(edge).call(null, 'GET', '/nowhere', { headers })
      assertRefused(refused, 'quota_exceeded')
      assert.equal(refused.body.rule, 'admission/address')
    }
  })

  test('do as each policy says while Redis is away, and share again once it is back', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.4' }
    assert.equal((await product(0)).status, 200)
    assert.equal(await redisUp(), 1)
    await redis.kill()
    for (const edge of [0, 1]) {
      const refused = await product(edge)
      assertRefused(refused, 'dependency_unavailable')
      assert.equal(refused.body.rule, 'quota/closed')
      assert.equal(refused.headers['retry-after'], '1')
      const answers = []
      for (let n = 0; n < 5; n++) answers.push((await read(edge, headers)).status)
      assert.deepEqual(answers, [200, 200, 200, 200, 429], 'half of the limit, at each')
    }
    assert.equal(await redisUp(), 0)
    await redis.start()
    await eventually('the closed one opens', async () => (await product(0)).status === 200)
    await eventually('at both', async () => (await product(1)).status === 200)
    assert.equal(await redisUp(), 1)
    const lefts = [await read(0, headers), await read(1, headers)].map(({ headers }) => headers['ratelimit'])
    assert.match(lefts.join(), /^"member-requests";r=7;t=\d+,"member-requests";r=6;t=\d+$/)
  })
})
