import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { eventually } from '../support/edge-calls.ts'
import { type LoneEdge, startLoneEdge } from '../support/lone-edge.ts'
import { openRawSocket, statusesOf } from '../support/raw-socket.ts'

const IDLE_MS = 400
const TOTAL_MS = 900
const HANDSHAKE = [
  ...['Host: edge.test', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]

describe('a WebSocket', () => {
  const handshakes: IncomingMessage[] = []
  const webSockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'chat' })
  const upstream = createServer((_request, response) => void response.end('ordinary'))
  upstream.on('upgrade', (request, socket, head) => {
    handshakes.push(request)
    if (request.url?.startsWith('/ws/refused')) socket.end('HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\n\r\nbusy')
    else if (request.url?.startsWith('/ws/broken')) socket.destroy()
    else if (request.url?.startsWith('/ws/undecided')) socket.on('error', () => {})
    else
      webSockets.handleUpgrade(request, socket, head, (ws) => ws.on('message', (message) => ws.send(`re: ${message}`)))
  })
  let edge: LoneEdge
  let target: string

  before(async () => {
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    const stream = (limits: string) => `methods: [GET], tags: [public], upgrade: websocket, stream: { ${limits} }`
    edge = await startLoneEdge(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`, [
      {
        path: '/ws/{rest*}',
        with: `${stream('idle_ms: 60000')}, running_max: 3, cors: { origins: ["https://app.example"] }`,
      },
      { path: '/silent', with: stream(`idle_ms: ${IDLE_MS}`) },
      { path: '/short', with: stream(`total_ms: ${TOTAL_MS}`) },
      { path: '/plain', with: 'methods: [GET], tags: [public]' },
    ])
    target = edge.urls.edge.replace('http:', 'ws:')
  })
  after(async () => {
    await edge?.close()
    webSockets.close()
    upstream.close()
    upstream.closeAllConnections()
  })

  const open = async (path: string, headers: Record<string, string> = {}): Promise<WebSocket> => {
    const socket = new WebSocket(`${target}${path}`, ['chat'], { headers })
    await once(socket, 'open')
    return socket
  }
  const closed = async (socket: WebSocket): Promise<number> => (await once(socket, 'close'))[0]
  const refusal = async (path: string, lines: readonly string[] = []): Promise<string> => {
    const socket = await openRawSocket(edge.urls.edge)
    socket.write(`${[`GET ${path} HTTP/1.1`, ...HANDSHAKE, ...lines].join('\r\n')}\r\n\r\n`)
    return socket.closed()
  }

  test('goes both ways once its handshake was cleared, with our headers to the upstream and our receipt back', async () => {
    const socket = new WebSocket(`${target}/ws/a?b=c`, ['chat'], { headers: { 'x-forwarded-for': '203.0.113.9' } })
    const answered = once(socket, 'upgrade')
    await once(socket, 'open')
    const [answer] = (await answered) as [IncomingMessage]
    assert.match(String(answer.headers['tidegate-receipt']), /^rcp_/)
    assert.equal(socket.protocol, 'chat')
    const seen = handshakes.at(-1)
    assert.equal(seen?.url, '/ws/a?b=c')
    assert.equal(seen.headers['x-forwarded-for'], '127.0.0.1')
    assert.equal(seen.headers['tidegate-receipt'], answer.headers['tidegate-receipt'])
    socket.send('hello')
    assert.equal(String((await once(socket, 'message'))[0]), 're: hello')
    socket.close(1000)
    assert.equal(await closed(socket), 1000)
  })

  test('may follow an ordinary request on its connection, with its first message in the same piece', async () => {
    const socket = await openRawSocket(edge.urls.edge)
    socket.write('GET /plain HTTP/1.1\r\nHost: edge.test\r\n\r\n')
    await socket.until((received) => received.endsWith('ordinary'))
    const hello = '\x81\x85\0\0\0\0hello'
    socket.write(Buffer.from(`${['GET /ws/a HTTP/1.1', ...HANDSHAKE].join('\r\n')}\r\n\r\n${hello}`, 'latin1'))
    const received = await socket.until((text) => text.endsWith('re: hello'))
    assert.deepEqual(statusesOf(received), [200, 101])
    socket.destroy()
  })

  test('is refused as every request is: by a rule, by the limit of its route, by its upstream', async () => {
    const page = await refusal('/ws/a', ['Origin: https://evil.example'])
    assert.match(page, /^HTTP\/1\.1 403 .*"code":"cors_denied"/s)
    const own = await open('/ws/a', { origin: 'https://app.example' })
    const [second, third] = [await open('/ws/b'), await open('/ws/c')]
    assert.match(await refusal('/ws/d'), /^HTTP\/1\.1 503 .*tidegate-receipt: rcp_.*"code":"overloaded"/is)
    for (const socket of [own, second, third]) socket.close()
    await Promise.all([own, second, third].map(closed))
    const busy = await eventually('a place is free again', async () => {
      const answer = await refusal('/ws/refused')
      return !answer.includes('overloaded') && answer
    })
    assert.match(busy, /^HTTP\/1\.1 409 .*tidegate-receipt: rcp_.*busy$/is)
    assert.match(await refusal('/ws/broken'), /^HTTP\/1\.1 502 .*"code":"upstream_failed"/s)
  })

  test('ends after its idle time, and after its time in all with 1001', async () => {
    const silent = await open('/silent')
    assert.equal(await closed(silent), 1006)
    const short = await open('/short')
    const talking = setInterval(() => short.send('still here'), IDLE_MS / 4)
    assert.equal(await closed(short), 1001)
    clearInterval(talking)
  })

  test('waits for a reader who does not read: little of what the upstream says is kept meanwhile', async () => {
    const socket = await openRawSocket(edge.urls.edge)
    socket.write(`${['GET /ws/flood HTTP/1.1', ...HANDSHAKE].join('\r\n')}\r\n\r\n`)
    await socket.until((received) => received.includes('101 Switching Protocols'))
    socket.pause()
    const [speaker] = [...webSockets.clients].slice(-1)
    assert.ok(speaker !== undefined)
    const piece = Buffer.alloc(1_048_576)
    for (let n = 0; n < 64; n++) speaker.send(piece)
    await eventually('the edge takes no more', async () => {
      const left = speaker.bufferedAmount
      await new Promise((done) => setTimeout(done, 150))
      return left === speaker.bufferedAmount && left
    })
    assert.ok(speaker.bufferedAmount > 32 * 1_048_576, `${speaker.bufferedAmount} bytes are still with the upstream`)
    socket.destroy()
    await eventually('the upstream is told', async () => speaker.readyState === WebSocket.CLOSED)
  })

  test('is over when it is over, also for a client who does not read: nothing more of his goes to the upstream', async () => {
    const socket = await openRawSocket(edge.urls.edge)
    socket.write(`${['GET /short HTTP/1.1', ...HANDSHAKE].join('\r\n')}\r\n\r\n`)
    await socket.until((received) => received.includes('101 Switching Protocols'))
    socket.pause()
    const [speaker] = [...webSockets.clients].slice(-1)
    assert.ok(speaker !== undefined)
    for (let n = 0; n < 32; n++) speaker.send(Buffer.alloc(1_048_576))
    await eventually('the upstream is told', async () => speaker.readyState === WebSocket.CLOSED)
    await eventually('its place is free', async () => {
      const metrics = await (await fetch(`${edge.urls.operator}/metrics`)).text()
      return metrics.includes('\ntidegate_streams 0\n')
    })
    socket.destroy()
  })

  test('on another route, on another method or behind an unanswered request there is no upgrade', async () => {
    const socket = await openRawSocket(edge.urls.edge)
    socket.write(`${['GET /plain HTTP/1.1', ...HANDSHAKE].join('\r\n')}\r\n\r\n`)
    assert.match(await socket.until((received) => received.endsWith('ordinary')), /^HTTP\/1\.1 200 /)
    socket.write(`GET /plain HTTP/1.1\r\nHost: e\r\n\r\n${['GET /ws/a HTTP/1.1', ...HANDSHAKE].join('\r\n')}\r\n\r\n`)
    assert.doesNotMatch(await socket.closed(), /101 Switching/)
  })

  test('is told that the edge goes away; one that is not yet agreed upon does not begin any more', async () => {
    const socket = await open('/ws/a')
    const undecided = await openRawSocket(edge.urls.edge)
    undecided.write(`${['GET /ws/undecided HTTP/1.1', ...HANDSHAKE].join('\r\n')}\r\n\r\n`)
    await eventually('the upstream is asked', async () => handshakes.at(-1)?.url === '/ws/undecided')
    const code = closed(socket)
    await edge.close()
    assert.equal(await code, 1001)
    assert.equal(await undecided.closed(), '')
  })
})
