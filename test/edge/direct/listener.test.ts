import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { listenDirectly } from '../../../src/edge/direct/listener.ts'
import { createStreamedCheck } from '../../../src/edge/direct/streamed-paths.ts'
import type { Route } from '../../../src/edge/route-table.ts'
import { closeServer } from '../../../src/platform/drain.ts'
import { eventually } from '../../support/edge-calls.ts'
import { bodiesOf, GET, LIMITS, respond, serve, whoRead } from './rig.ts'

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
  await sleep(20) // so that it comes by itself
  socket.write('POST /c HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n')
  await sleep(20)
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

test('a connection goes on behind a request that waited for its turn', async () => {
  const waiting: (() => void)[] = []
  const { open } = await serve({}, (incoming, body) => void waiting.push(() => respond(incoming, body)))
  const socket = await open()
  for (const [n, target] of ['/a', '/b', '/c'].entries()) {
    socket.write(GET.replace('/a', target))
    if (n === 0) await eventually('the first is here', async () => waiting.length === 1)
    await sleep(20)
    if (n === 1) waiting.shift()?.()
  }
  await eventually('all are answered', async () => {
    waiting.shift()?.()
    return bodiesOf(socket.received()).length === 3 || undefined
  })
  assert.deepEqual(whoRead(socket.received()), ['us', 'us', 'us'])
})

test('who says nothing is told so, and who says nothing more is let go', async () => {
  const { open, silent } = await serve({ headers_timeout_ms: 1, keep_alive_ms: 1 })
  const [mute, heard] = [await open(), await open()]
  heard.write(GET)
  assert.equal(whoRead(await heard.closed()).length, 1)
  assert.equal(await mute.closed(), 'too late')
  assert.deepEqual(silent, ['127.0.0.1'])
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
  await idle.closed()
  await mute.closed()
  waiting[0]?.()
  assert.match(await busy.closed(), /\r\nConnection: close\r\n/)
  await closed
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
