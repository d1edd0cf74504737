import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { listenDirectly } from '../../../src/edge/direct/listener.ts'
import { createStreamedCheck } from '../../../src/edge/direct/streamed-paths.ts'
import type { Answer, Incoming } from '../../../src/edge/exchange.ts'
import type { Route } from '../../../src/edge/route-table.ts'
import type { EdgeLimits } from '../../../src/platform/config-schema.ts'
import { closeServer } from '../../../src/platform/drain.ts'
import { eventually } from '../../support/edge-calls.ts'
import { openRawSocket, statusesOf } from '../../support/raw-socket.ts'

const LIMITS = {
  ...{ header_bytes_max: 16_384, headers_timeout_ms: 60_000, keep_alive_ms: 60_000 },
  ...{ socket_silence_ms: 60_000, requests_per_socket_max: 1_000 },
} as EdgeLimits
const HEADERS: Answer['headers'] = [['set-cookie', ['a=1', 'b=2']]]
const GET = 'GET /a HTTP/1.1\r\nhost: edge.test\r\n\r\n'

let close: () => Promise<void> = async () => {}
afterEach(() => close())

type Answering = (incoming: Incoming, body: Buffer) => void

/** A server that says who read a request: whole ones are read here, and Node reads the others. */
async function serve(limits: Partial<EdgeLimits> = {}, answer: Answering = respond, isStreamed = (_: string) => false) {
  const silent: string[] = []
  const server: Server = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    response.end(JSON.stringify({ by: 'node', target: request.url, body }))
  })
  listenDirectly(server, 'connection', {
    limits: { ...LIMITS, ...limits },
    isStreamed,
    take: async (incoming) => answer(incoming, await incoming.readBody(1_000)),
    handedOver: () => {},
    refuseSilent(socket) {
      silent.push(socket.remoteAddress ?? '')
      socket.end('too late')
    },
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  close = () => closeServer(server, 1)
  const open = () => openRawSocket(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return { server, open, silent }
}

function respond(incoming: Incoming, body: Buffer, status = 200): void {
  const { target } = incoming
  const text = JSON.stringify({ by: 'us', target, body: body.toString() })
  const standing = { lines: ['x-standing', '1'], text: 'x-standing: 1\r\n' }
  incoming.answer({ status, standing, lines: HEADERS, closes: false }, Buffer.from(text))
}

function answerWith(incoming: Incoming, lines: Answer['headers'], body: string): void {
  incoming.answer({ status: 200, standing: { lines: [], text: '' }, lines, closes: false }, Buffer.from(body))
}

const bodiesOf = (received: string): string[] => received.match(/\{"by".*?\}/g) ?? []
const whoRead = (received: string): string[] => bodiesOf(received).map((body) => JSON.parse(body).by)

test('an answer is framed, dated, and keeps its connection', async () => {
  const { open } = await serve()
  const socket = await open()
  socket.write(GET)
  const text = await socket.until((received) => whoRead(received).length === 1)
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [, date] = /\r\nDate: (.*)\r\n/.exec(head) ?? []
  assert.ok(Math.abs(Date.parse(String(date)) - Date.now()) < 5_000, String(date))
  assert.deepEqual(head.replace(/\r\nDate: .*/, '').split('\r\n'), [
    ...['HTTP/1.1 200 OK', 'x-standing: 1', 'set-cookie: a=1', 'set-cookie: b=2', `content-length: ${body.length}`],
    ...['Connection: keep-alive', 'Keep-Alive: timeout=60'],
  ])
})

test('from the first request that is not in one piece on, Node reads a connection', async () => {
  const { open } = await serve()
  const socket = await open()
  socket.write(GET)
  await socket.until((received) => whoRead(received).length === 1)
  socket.write(GET.slice(0, 10))
  await new Promise((done) => setTimeout(done, 20))
  socket.write(GET.slice(10))
  await socket.until((received) => whoRead(received).length === 2)
  socket.write(GET)
  const text = await socket.until((received) => whoRead(received).length === 3)
  assert.deepEqual(whoRead(text), ['us', 'node', 'node'])
})

test('what may be streamed is read by Node, whatever stands behind its path', async () => {
  const route = { stream: { idleMs: 1, totalMs: 1 }, path: '/v1/{member}/events' } as Route
  const rest = { stream: { idleMs: 1, totalMs: 1 }, path: '/files.d/{path*}' } as Route
  const { open } = await serve({}, respond, createStreamedCheck({ routes: [route, rest] }))
  const who = async (target: string): Promise<string | undefined> => {
    const socket = await open()
    socket.write(GET.replace('/a', target))
    return whoRead(await socket.until((received) => whoRead(received).length === 1))[0]
  }
  for (const target of ['/v1/mem_a/events', '/v1/mem_a/events?a=/b', '/files.d/', '/files.d/a/b?c']) {
    assert.equal(await who(target), 'node', target)
  }
  for (const target of ['/v1/events', '/v1/a/b/events', '/v1/mem_a/events/', '/v2?/v1/mem_a/events', '/filesXd/a']) {
    assert.equal(await who(target), 'us', target)
  }
})

test('requests that come in any pieces are each answered once, in their order', async () => {
  const { open } = await serve({}, (incoming, body) => void setTimeout(respond, 1, incoming, body))
  const request = fc.record({ length: fc.nat(40), isPost: fc.boolean() })
  const cuts = fc.array(fc.nat(), { maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 5 }), cuts, async (requests, cutAt) => {
      const asked = requests.map(({ length, isPost }, n) => ({
        target: `/${n}`,
        body: isPost ? 'b'.repeat(length) : '',
      }))
      const text = asked
        .map(({ target, body }, n) =>
          requests[n]?.isPost
            ? `POST ${target} HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`
            : `GET ${target} HTTP/1.1\r\nhost: a\r\n\r\n`,
        )
        .join('')
      const places = [0, ...cutAt.map((cut) => cut % text.length).sort((a, b) => a - b), text.length]
      const socket = await open()
      for (const [at, from] of places.slice(0, -1).entries()) {
        socket.write(text.slice(from, places[at + 1]))
        await new Promise(setImmediate)
      }
      const received = await socket.until((got) => bodiesOf(got).length >= asked.length)
      socket.destroy()
      const told = bodiesOf(received).map((body) => JSON.parse(body))
      assert.deepEqual(
        told.map(({ target, body }) => ({ target, body })),
        asked,
      )
    }),
    { numRuns: 200 },
  )
})

test('what comes while a request is under way waits for its answer', async () => {
  const waiting: (() => void)[] = []
  const { open } = await serve({}, (incoming, body) => void waiting.push(() => respond(incoming, body)))
  const socket = await open()
  socket.write(GET)
  await eventually('the first is here', async () => waiting.length === 1)
  socket.write(GET.replace('/a', '/b'))
  socket.write('POST /c HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n')
  await new Promise((done) => setTimeout(done, 20))
  assert.equal(waiting.length, 1)
  assert.equal(socket.received(), '')
  waiting.shift()?.()
  socket.write('abc')
  await eventually('the second is answered, or waits', async () => {
    waiting.shift()?.()
    return bodiesOf(socket.received()).length === 3 || undefined
  })
  const told = bodiesOf(socket.received()).map((body) => JSON.parse(body))
  assert.deepEqual(
    told.map(({ target, body }) => [target, body]),
    [
      ['/a', ''],
      ['/b', ''],
      ['/c', 'abc'],
    ],
  )
})

test('HEAD, 204 and 304 are answered without a body', async () => {
  const { open } = await serve({}, (incoming, body) => respond(incoming, body, Number(incoming.target.slice(1))))
  const socket = await open()
  for (const [n, request] of ['HEAD /200', 'GET /204', 'GET /304'].entries()) {
    socket.write(`${request} HTTP/1.1\r\nhost: a\r\n\r\n`)
    await socket.until((received) => received.split('\r\n\r\n').length === n + 2)
  }
  assert.deepEqual(statusesOf(socket.received()), [200, 204, 304])
  assert.doesNotMatch(socket.received(), /content-length|"by"/)
})

test('a body longer than one write arrives whole', async () => {
  const long = Buffer.alloc(3_000_000, 'x')
  const { open } = await serve({}, (incoming) => {
    incoming.answer({ status: 200, standing: { lines: [], text: '' }, lines: [], closes: true }, long)
  })
  const socket = await open()
  socket.write(GET)
  const text = await socket.closed()
  assert.equal(text.split('\r\n\r\n')[1], long.toString())
  assert.match(text, /\r\nConnection: close\r\n/)
})

test('the last request that a connection may bring is answered with a close', async () => {
  const { open } = await serve({ requests_per_socket_max: 2 })
  const socket = await open()
  socket.write(GET)
  await socket.until((received) => whoRead(received).length === 1)
  socket.write(GET)
  const text = await socket.closed()
  assert.deepEqual(text.match(/Connection: .*/g), ['Connection: keep-alive', 'Connection: close'])
})

test('who says nothing is told so, and who says nothing more is let go', async () => {
  const { open, silent } = await serve({ headers_timeout_ms: 1, keep_alive_ms: 1 })
  const [mute, heard] = [await open(), await open()]
  heard.write(GET)
  assert.equal(whoRead(await heard.closed()).length, 1)
  assert.equal(await mute.closed(), 'too late')
  assert.deepEqual(silent, ['127.0.0.1'])
})

test('who reads no answer is let go', async () => {
  const { server, open } = await serve({ socket_silence_ms: 1 }, (incoming) => {
    const body = Buffer.alloc(20_000_000)
    incoming.answer({ status: 200, standing: { lines: [], text: '' }, lines: [], closes: false }, body)
  })
  const socket = await open()
  socket.pause()
  socket.write(GET)
  const connections = () => new Promise<number>((done) => server.getConnections((_error, count) => done(count)))
  await eventually('the connection is gone', async () => (await connections()) === 0)
})

test('a server that closes answers who is under way with a close, and ends who is not', async () => {
  const waiting: (() => void)[] = []
  const { server, open } = await serve({}, (incoming, body) => {
    if (incoming.target === '/a') waiting.push(() => respond(incoming, body))
    else respond(incoming, body)
  })
  const [busy, idle, mute] = [await open(), await open(), await open()]
  idle.write(GET.replace('/a', '/b'))
  await idle.until((received) => whoRead(received).length === 1)
  busy.write(GET)
  await eventually('it is under way', async () => waiting.length === 1)
  const closed = closeServer(server, 60_000)
  close = async () => {}
  await idle.closed()
  await mute.closed()
  waiting[0]?.()
  assert.match(await busy.closed(), /\r\nConnection: close\r\n/)
  await closed
})

test('a header that would end its line is not sent', async () => {
  const thrown = Promise.withResolvers<unknown>()
  const { open } = await serve({}, (incoming) => {
    try {
      answerWith(incoming, [['x-odd', 'a\r\nset-cookie: b=1']], '')
    } catch (error) {
      thrown.resolve(error)
      incoming.abandon()
    }
  })
  const socket = await open()
  socket.write(GET)
  assert.equal(await socket.closed(), '')
  assert.match(String(await thrown.promise), /x-odd/)
})

test('nothing is cut off an answer that has not gone out yet when what is idle is ended', async () => {
  const length = 60_000
  let taken = 0
  let unsent = 0
  const { server, open } = await serve({}, async (incoming) => {
    answerWith(incoming, [], 'x'.repeat(length))
    await sleep(20)
    unsent = incoming.socket.writableLength
    taken += 1
  })
  const socket = await open()
  socket.pause()
  for (let asked = 1; unsent === 0; asked++) {
    socket.write(GET)
    await eventually('it was answered', async () => taken === asked || null)
  }
  server.closeIdleConnections()
  socket.resume()
  await socket.until((received) => received.length > taken * length)
})

test('a server that does not come to listen keeps nobody waiting', () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const server = createServer()
  const none = { isStreamed: () => false, take() {}, refuseSilent() {}, handedOver() {} }
  listenDirectly(server, 'connection', { limits: LIMITS, ...none })
  assert.equal(timers(), before)
  server.emit('close')
})
