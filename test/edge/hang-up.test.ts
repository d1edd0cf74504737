import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type EdgeCalls, edgeCalls, eventually, movesNothing, transferOf } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { openRawSocket } from '../support/raw-socket.ts'

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform()
  calls = edgeCalls(platform)
})
after(() => platform.close())

async function head(key: string, bodyBytes: number): Promise<string> {
  return [
    'POST /v1/transfers HTTP/1.1',
    'Host: edge.test',
    `Authorization: Bearer ${await platform.token('mem_alice')}`,
    'Content-Type: application/json',
    `Idempotency-Key: ${key}`,
    `Content-Length: ${bodyBytes}`,
    '',
    '',
  ].join('\r\n')
}

async function decisions(): Promise<
  { status: number; code: string | null; route: string | null; detail: string | null }[]
> {
  const text = await readFile(join(platform.places.data, 'decisions/decisions.jsonl'), 'utf8')
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

describe('a client that hangs up', () => {
  test('half-way through the body: nothing moves, and the receipt says why', async () => {
    await movesNothing(calls, async () => {
      const body = JSON.stringify(transferOf('5.00'))
      const socket = await openRawSocket(platform.urls.edge)
      socket.write(`${await head('half', body.length)}${body.slice(0, 20)}`)
      socket.destroy()
      const decision = await eventually('the receipt is written', async () =>
        (await decisions()).find(({ route, code }) => route === 'transfers.create' && code === 'malformed_request'),
      )
      assert.match(decision.detail ?? '', /did not arrive whole/)
    })
    assert.equal((await calls.transfer('5.00', { key: 'half' })).status, 201)
  })

  test('half-way through the head, many times: the edge goes on serving', async () => {
    for (let n = 0; n < 20; n++) {
      const socket = await openRawSocket(platform.urls.edge)
      socket.write('POST /v1/transfers HTTP/1.1\r\nHost: edge.te')
      socket.destroy()
    }
    assert.equal((await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice')).status, 200)
  })

  test('before the answer: the transfer is made once, and the same key tells', async () => {
    const body = JSON.stringify(transferOf('7.00'))
    const socket = await openRawSocket(platform.urls.edge)
    socket.write(`${await head('deaf', body.length)}${body}`)
    const found = await eventually('the transfer is made', async () => {
      const answer = await calls.call('mem_alice', 'GET', '/v1/transfers?idempotencyKey=deaf')
      socket.destroy()
      return answer.body.items[0]
    })
    await movesNothing(calls, async () => {
      const again = await calls.transfer('7.00', { key: 'deaf' })
      assert.deepEqual([again.status, again.body.id, again.headers['idempotency-replayed']], [201, found.id, 'true'])
    })
  })

  test('in the middle of a stream: the edge goes on serving, and a second reader gets the rest', async () => {
    const held = await calls.transfer('60000.00')
    const target = `/v1/operations/${held.body.operation}`
    const socket = await openRawSocket(platform.urls.edge)
    const token = await platform.token('mem_alice')
    socket.write(`GET ${target}/events HTTP/1.1\r\nHost: e\r\nAuthorization: Bearer ${token}\r\n\r\n`)
    await socket.until((received) => received.includes('event: operation.held'))
    socket.destroy()
    const [open] = await eventually('the case is open', async () => {
      const { body } = await calls.operate('operator', 'GET', '/v1/cases')
      return body.items.length > 0 && body.items
    })
    const vote = { vote: 'decline', reason: 'no' }
    assert.equal((await calls.operate('operator', 'POST', `/v1/cases/${open.id}/votes`, { body: vote })).status, 200)
    const events = await calls.call('mem_alice', 'GET', `${target}/events`, { headers: { 'last-event-id': '1' } })
    assert.match(events.text, /event: operation\.failed/)
  })
})
