import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PartName } from '../../src/platform/addresses.ts'
import { issueToken } from '../../src/sandbox/identity-provider.ts'
import { type PreparedPlatform, prepareTestPlatform, urlsOf } from '../support/platform.ts'
import { startTidegate, type TidegateProcess } from '../support/tidegate-process.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

/** Those that need the others first: no part waits for another to start. */
const PARTS: readonly PartName[] = ['edge', 'settlement', 'risk', 'cash-flow', 'product', 'membership', 'sandbox']
const READY_MS_MAX = 60_000
const IN_FLIGHT = 12

type Json = Record<string, unknown>
type Transfer = { readonly status: number; readonly body: Json & { id: string; operation: string; state: string } }

describe('every part in a process of its own, on one PostgreSQL database', { skip }, () => {
  let prepared: PreparedPlatform
  let urls: ReturnType<typeof urlsOf>
  let token: string
  const processes = new Map<PartName, TidegateProcess>()
  const webhooks: { readonly type: string }[] = []
  const receiver = createServer(async (request, response) => {
    webhooks.push(JSON.parse(await new Response(request).text()) as { type: string })
    response.writeHead(204).end()
  })

  before(async () => {
    prepared = await prepareTestPlatform({ database: 'postgres' })
    urls = urlsOf(prepared.environment)
    for (const part of PARTS) processes.set(part, startTidegate(['start', part], prepared.environment))
    await Promise.all(PARTS.map(untilReady))
    token = (await issueToken(urls['identity-provider'], { member: 'mem_alice' })).access_token
    await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done))
  })

  after(async () => {
    for (const { child } of processes.values()) child.kill('SIGTERM')
    const codes = await Promise.all([...processes.values()].map(({ exited }) => exited))
    receiver.close()
    await prepared.remove()
    assert.deepEqual(
      codes,
      PARTS.map(() => 0),
      'each ends by itself when it is told to',
    )
  })

  test('money moves, is held, approved by the review desk and posted, and the member is told', async () => {
    const { port } = receiver.address() as AddressInfo
    const endpoint = { url: `http://127.0.0.1:${port}/`, events: ['*'] }
    assert.equal((await call('POST', '/v1/webhook-endpoints', endpoint)).status, 201)
    assert.equal((await transfer('lunch', '128.50')).status, 201)

    const held = await transfer('rent', '60000.00')
    assert.equal(held.status, 202)
    const review = await until('the case reached the desk', async () => {
      const { items } = (await get(`${urls['review-desk']}/inbox`)) as { items: { body: { case: string } }[] }
      return items[0]?.body.case
    })
    const decision = { case: review, vote: 'approve', reviewer: 'rita', reason: 'known landlord' }
    const decided = await fetch(`${urls['review-desk']}/decide`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(decision),
    })
    assert.equal(decided.status, 200)
    await until('the held transfer was posted', () => hasSucceeded(held.body.operation))
    assert.equal(await postedOf('acc_alice'), '39871.50')

    await until('the webhooks came', () => webhooks.filter(({ type }) => type === 'transfer.posted').length === 2)
    const { items } = (await call('GET', '/v1/events')).body as { items: { type: string }[] }
    assert.ok(['transfer.posted', 'transfer.held'].every((type) => items.some((event) => event.type === type)))
  })

  test('cash flow is killed with requests in flight: no answer says failed, and each key has one effect', async () => {
    const before = Number(await postedOf('acc_alice'))
    const keys = Array.from({ length: IN_FLIGHT }, (_, index) => `killed-${index}`)
    const cashFlow = processes.get('cash-flow')
    const first = keys.map((key) => transfer(key, '1.00'))
    await Promise.race(first) // one is answered, the others are on their way
    cashFlow?.child.kill('SIGKILL')
    const statuses = (await Promise.all(first)).map(({ status, body }) => [status, body.state] as const)
    await cashFlow?.exited
    const late = await transfer('while-away', '1.00')
    for (const [status, state] of [...statuses, [late.status, late.body.state] as const]) {
      assert.ok(status === 201 || status === 503 || (status === 202 && state === 'unknown'), `${status} ${state}`)
    }
    assert.equal(late.status, 503)

    processes.set('cash-flow', startTidegate(['start', 'cash-flow'], prepared.environment))
    await untilReady('cash-flow')
    for (const key of [...keys, 'while-away', ...keys]) {
      await until(`${key} was answered`, async () => (await transfer(key, '1.00')).status === 201)
    }
    assert.equal(Number(await postedOf('acc_alice')), before - IN_FLIGHT - 1)
  })

  async function untilReady(part: PartName): Promise<void> {
    const url = part === 'edge' ? `${urls.operator}/readyz` : part === 'sandbox' ? null : `${urls[part]}/healthz`
    const started = processes.get(part)
    await until(`${part} is ready`, async () => {
      assert.equal(started?.child.exitCode, null, `${part} ended: ${started?.output()}`)
      if (url === null) return started?.output().includes('Tidegate is ready')
      return fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    })
  }

  async function transfer(key: string, value: string): Promise<Transfer> {
    const body = { from: 'acc_alice', to: 'acc_bob', amount: { currency: 'CNY', value }, reference: key }
    return (await call('POST', '/v1/transfers', body, { 'idempotency-key': key })) as Transfer
  }

  async function hasSucceeded(operation: string): Promise<boolean> {
    return (await call('GET', `/v1/operations/${operation}?wait=5`)).body['state'] === 'succeeded'
  }

  async function postedOf(account: string): Promise<string> {
    const { balance } = (await call('GET', `/v1/accounts/${account}`)).body as {
      balance: { posted: { value: string } }
    }
    return balance.posted.value
  }

  async function call(method: string, target: string, json?: Json, headers: Record<string, string> = {}) {
    const answer = await fetch(urls.edge + target, {
      method,
      headers: { ...headers, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    })
    return { status: answer.status, body: (await answer.json()) as Json }
  }
})

async function get(url: string): Promise<unknown> {
  return (await fetch(url)).json()
}

/** Asks again until there is an answer. */
async function until<T>(what: string, ask: () => Promise<T> | T): Promise<NonNullable<T>> {
  const deadline = performance.now() + READY_MS_MAX
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== null && answer !== false) return answer
    assert.ok(performance.now() < deadline, `it took too long until ${what}`)
    await sleep(100)
  }
}
