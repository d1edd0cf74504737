import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { http } from '../support/attack-rig.ts'
import { edgeCalls, eventually } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { openRawSocket, statusesOf } from '../support/raw-socket.ts'

const CONNECTIONS = 20
const REQUESTS = 5

let platform: TestPlatform
before(async () => {
  platform = await startTestPlatform({
    config: (text) =>
      text
        .replace('connections_max: 10000', `connections_max: ${CONNECTIONS}`)
        .replace('requests_per_socket_max: 100000', `requests_per_socket_max: ${REQUESTS}`)
        .replace('keep_alive_ms: 65000', 'keep_alive_ms: 500')
        .replace('socket_silence_ms: 70000', 'socket_silence_ms: 2000'),
  })
})
after(() => platform.close())

const nowhere = http('GET /nowhere HTTP/1.1')

describe('what one client can take is bounded', () => {
  test('requests on one socket: the last one says that it closes, and what follows is not read', async () => {
    const socket = await openRawSocket(platform.urls.edge)
    socket.write(nowhere.repeat(REQUESTS + 3))
    const text = await socket.closed()
    assert.deepEqual(statusesOf(text), Array(REQUESTS).fill(404))
    assert.equal(text.match(/\r\nconnection: close\r\n/gi)?.length, 1)
    assert.equal(text.match(/\r\ntidegate-receipt: rcp_/gi)?.length, REQUESTS)
  })

  test('requests on one socket: those that came whole count with those that came in one piece with others', async () => {
    const socket = await openRawSocket(platform.urls.edge)
    for (const answered of [1, 2]) {
      socket.write(nowhere)
      await socket.until((received) => statusesOf(received).length === answered)
    }
    socket.write(nowhere.repeat(REQUESTS))
    const text = await socket.closed()
    assert.deepEqual(statusesOf(text), Array(REQUESTS).fill(404))
    assert.equal(text.match(/\r\nconnection: close\r\n/gi)?.length, 1)
  })

  test('an idle socket is closed in time, after a request or before any', async () => {
    const used = await openRawSocket(platform.urls.edge)
    used.write(nowhere)
    const silent = await openRawSocket(platform.urls.edge)
    const [text] = await Promise.all([used.closed(), silent.closed()])
    assert.deepEqual(statusesOf(text), [404])
  })

  test('sockets beyond the limit are closed unread, and there is room again when others end', async () => {
    const held = await Promise.all(Array.from({ length: CONNECTIONS }, () => openRawSocket(platform.urls.edge)))
    const beyond = await openRawSocket(platform.urls.edge)
    beyond.write(nowhere)
    assert.equal(await beyond.closed(), '')
    for (const socket of held) socket.destroy()
    await eventually('a socket is served', async () => {
      const socket = await openRawSocket(platform.urls.edge)
      socket.write(nowhere)
      return socket.until((received) => statusesOf(received).length === 1).catch(() => null)
    })
  })

  test('ten gigabytes that are announced and never sent are refused by their head', async () => {
    const lines = ['Content-Length: 10737418240', 'Content-Type: application/json', 'Idempotency-Key: a']
    lines.push(`Authorization: Bearer ${await platform.token('mem_alice')}`)
    const socket = await openRawSocket(platform.urls.edge)
    socket.write(http('POST /v1/transfers HTTP/1.1', lines))
    assert.deepEqual(statusesOf(await socket.closed()), [413])
  })

  test('clients that give up half-way do not open the breaker', async () => {
    const token = await platform.token('mem_alice')
    const lines = ['Content-Length: 100', 'Content-Type: application/json', `Authorization: Bearer ${token}`]
    for (let n = 0; n < 30; n++) {
      const socket = await openRawSocket(platform.urls.edge)
      socket.write(http('POST /v1/accounts HTTP/1.1', lines, '{'))
      socket.destroy()
    }
    const answer = await edgeCalls(platform).call('mem_alice', 'GET', '/v1/accounts/acc_alice')
    assert.equal(answer.status, 200, answer.text)
  })
})
