import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { createBank } from '../../src/adapters/bank.ts'
import { money } from '../../src/kernel/money.ts'
import { startBank } from '../../src/sandbox/bank.ts'
import type { StandIn } from '../../src/sandbox/stand-in.ts'
import { testBreaker } from '../support/breakers.ts'

const payoutOf = (id: string, minor = 1_050n) => ({
  id,
  member: 'mem_alice',
  amount: money('CNY', minor),
  reference: 'stb_1',
})

describe('the bank adapter', () => {
  let standIn: StandIn
  before(async () => {
    standIn = await startBank({ host: '127.0.0.1', port: 0 })
  })
  after(() => standIn.close())
  const bank = () => createBank({ url: standIn.url, timeoutMs: 5_000, breaker: testBreaker() })

  test('has a payout paid once, whether it is asked once or twice', async () => {
    assert.deepEqual(await bank().pay(payoutOf('pay_twice')), { kind: 'paid' })
    assert.deepEqual(await bank().pay(payoutOf('pay_twice')), { kind: 'paid' })
    const { items } = (await (await fetch(`${standIn.url}/payouts`)).json()) as { items: unknown[] }
    assert.deepEqual(items, [
      {
        id: 'pay_twice',
        member: 'mem_alice',
        amount: { currency: 'CNY', value: '10.50' },
        reference: 'stb_1',
        state: 'paid',
      },
    ])
  })

  test('takes a refusal of the payout as one', async () => {
    await bank().pay(payoutOf('pay_other', 100n))
    assert.equal((await bank().pay(payoutOf('pay_other', 200n))).kind, 'refused')
  })

  test('does not know the outcome when nobody answers', async () => {
    const gone = createBank({ url: 'http://127.0.0.1:1', timeoutMs: 5_000, breaker: testBreaker() })
    assert.equal((await gone.pay(payoutOf('pay_gone'))).kind, 'unknown')
  })

  test('leaves a failing bank alone for a while, and says that it did not ask', async () => {
    const breaker = testBreaker({ volume_min: 3 })
    const gone = createBank({ url: 'http://127.0.0.1:1', timeoutMs: 5_000, breaker })
    for (let n = 0; n < 3; n++) assert.equal((await gone.pay(payoutOf(`pay_${n}`))).kind, 'unknown')
    const answer = await gone.pay(payoutOf('pay_later'))
    assert.deepEqual(answer, { kind: 'not_asked', detail: 'the breaker of the bank is open', retryAfterS: 5 })
    assert.deepEqual(breaker.status().evidence, ['pay_2', 'pay_1', 'pay_0'])
  })

  test('does not hold against the bank what it says of our call', async () => {
    const breaker = testBreaker({ volume_min: 2, error_share: 0 })
    await bankAnswering(401, async (url) => {
      const bank = createBank({ url, timeoutMs: 5_000, breaker })
      for (let n = 0; n < 3; n++) assert.equal((await bank.pay(payoutOf(`pay_${n}`))).kind, 'unknown')
    })
    assert.equal(breaker.status().state, 'closed')
  })

  const unclear: Readonly<Record<string, RequestListener>> = {
    'an answer that never comes': () => {},
    'a failing bank': (_request, response) => void response.writeHead(500).end(),
    'a refused credential': (_request, response) => void response.writeHead(401).end(),
    'an answer that is not JSON': (_request, response) => void response.end('<h1>It works!</h1>'),
    "another payout's answer": (_request, response) => void response.end('{"id":"pay_x","state":"paid"}'),
    'a state that is not paid': (_request, response) => void response.end('{"id":"pay_a","state":"queued"}'),
    'half of an answer': (_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"id":"pay_a"')
      setImmediate(() => response.destroy())
    },
    'an answer without end': (_request, response) => void response.end('x'.repeat(100_000)),
  }
  for (const [name, listener] of Object.entries(unclear)) {
    test(`does not know the outcome after ${name}`, async () => {
      const server = createServer(listener)
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      try {
        assert.equal(
          (await createBank({ url, timeoutMs: 500, breaker: testBreaker() }).pay(payoutOf('pay_a'))).kind,
          'unknown',
        )
      } finally {
        server.closeAllConnections()
        server.close()
      }
    })
  }
})

async function bankAnswering(status: number, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((_request, response) => void response.writeHead(status).end())
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`).finally(() => {
    server.closeAllConnections()
    server.close()
  })
}
