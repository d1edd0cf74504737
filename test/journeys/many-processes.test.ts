import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { addressesFrom, type PartName } from '../../src/platform/addresses.ts'
import { issueToken } from '../../src/sandbox/identity-provider.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { prepareTestPlatform, type TestPlatform, urlsOf } from '../support/platform.ts'
import { decide, noticeOf } from '../support/review-desk.ts'
import { startTidegate, type TidegateProcess } from '../support/tidegate-process.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

/** Those that need the others first: no part waits for another to start. */
const PARTS: readonly PartName[] = ['edge', 'settlement', 'risk', 'cash-flow', 'product', 'membership', 'sandbox']
const READY_MS_MAX = 60_000
/** An open breaker lets a request try again after 5 s. */
const SETTLED_MS_MAX = 30_000
const IN_FLIGHT = 12

describe('every part in a process of its own, on one PostgreSQL database', { skip }, () => {
  const processes = new Map<PartName, TidegateProcess>()
  const webhooks: { readonly type: string }[] = []
  const receiver = createServer(async (request, response) => {
    webhooks.push((await json(request)) as { type: string })
    response.writeHead(204).end()
  })
  let platform: TestPlatform
  let calls: EdgeCalls

  before(async () => {
    const { places, environment, remove } = await prepareTestPlatform({ database: 'postgres' })
    const urls = urlsOf(environment)
    platform = {
      ...{ urls, places, environment, ports: addressesFrom(environment), close: remove },
      token: async (member) => (await issueToken(urls['identity-provider'], { member })).access_token,
    }
    calls = edgeCalls(platform)
    for (const part of PARTS) processes.set(part, startTidegate(['start', part], environment))
    await Promise.all(PARTS.map(isReady))
    await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done))
  })

  after(async () => {
    for (const { child } of processes.values()) child.kill('SIGTERM')
    const codes = await Promise.all([...processes.values()].map(({ exited }) => exited))
    receiver.close()
    await platform.close()
    assert.deepEqual(new Set(codes), new Set([0]), 'each ends well when it is told to')
  })

  test('money moves, is held, approved by the review desk and posted, and the member is told', async () => {
    const { port } = receiver.address() as AddressInfo
    const endpoint = { url: `http://127.0.0.1:${port}/`, events: ['*'] }
    assert.equal((await calls.call('mem_alice', 'POST', '/v1/webhook-endpoints', { body: endpoint })).status, 201)
    assert.equal((await calls.transfer('128.50')).status, 201)

    const held = await calls.transfer('60000.00')
    assert.equal(held.status, 202)
    const { case: review } = await noticeOf(platform, '60000.00')
    assert.equal((await decide(platform, { case: review, vote: 'approve', reviewer: 'rev_rita' })).status, 200)
    const operation = `/v1/operations/${held.body.operation}?wait=5`
    await eventually('the held transfer is posted', async () => {
      return (await calls.call('mem_alice', 'GET', operation)).body.state === 'succeeded'
    })
    assert.equal(await postedOf('acc_alice'), '39871.50')
    assert.equal(await postedOf('acc_bob'), '160128.50')

    await eventually('two webhooks', async () => webhooks.filter(({ type }) => type === 'transfer.posted').length === 2)
    const { items } = (await calls.call('mem_alice', 'GET', '/v1/events')).body as { items: { type: string }[] }
    assert.ok(['transfer.posted', 'transfer.held'].every((type) => items.some((event) => event.type === type)))
  })

  test('cash flow is killed with requests in flight: no answer says failed, and each key has one effect', async () => {
    const before = Number(await postedOf('acc_alice'))
    const keys = Array.from({ length: IN_FLIGHT }, (_, index) => `killed-${index}`)
    const first = keys.map((key) => calls.transfer('1.00', { key }))
    await Promise.race(first) // one is answered, the others are on their way
    const killed = processes.get('cash-flow')
    killed?.child.kill('SIGKILL')
    for (const { status, body } of await Promise.all(first)) {
      assert.ok(status === 201 || status === 503 || (status === 202 && body.state === 'unknown'), `${status}`)
    }
    await killed?.exited
    const late = await calls.transfer('1.00', { key: 'while-away' })
    assert.equal(late.status, 503)
    assert.ok(late.headers['retry-after'])

    processes.set('cash-flow', startTidegate(['start', 'cash-flow'], platform.environment))
    await isReady('cash-flow')
    for (const key of [...keys, 'while-away', ...keys]) {
      const isPosted = async () => (await calls.transfer('1.00', { key })).status === 201
      await eventually(`${key} is posted`, isPosted, SETTLED_MS_MAX)
    }
    assert.equal(Number(await postedOf('acc_alice')), before - IN_FLIGHT - 1)
  })

  /** Waits for the probe of a part; the sandbox has none and says so itself. */
  async function isReady(part: PartName): Promise<void> {
    const { urls } = platform
    const started = processes.get(part)
    const probe = part === 'edge' ? `${urls.operator}/readyz` : part === 'sandbox' ? null : `${urls[part]}/healthz`
    const ask = async (): Promise<boolean> => {
      assert.equal(started?.child.exitCode, null, `${part} ended: ${started?.output()}`)
      if (probe === null) return started?.output().includes('Tidegate is ready') ?? false
      return fetch(probe).then(
        ({ ok }) => ok,
        () => false,
      )
    }
    await eventually(`${part} is ready`, ask, READY_MS_MAX)
  }

  async function postedOf(account: string): Promise<string> {
    return (await calls.call(account === 'acc_bob' ? 'mem_bob' : 'mem_alice', 'GET', `/v1/accounts/${account}`)).body
      .balance.posted.value
  }
})
