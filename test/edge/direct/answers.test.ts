import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../../../src/kernel/problem.ts'
import { eventually } from '../../support/edge-calls.ts'
import { statusesOf } from '../../support/raw-socket.ts'
import { answerWith, bodiesOf, GET, respond, serve, whoRead } from './rig.ts'

test('an answer is framed, dated, and keeps its connection', async () => {
  const { open } = await serve()
  const socket = await open()
  socket.write(GET)
  const text = await socket.until((received) => whoRead(received).length === 1)
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [, date] = /\r\nDate: (.*)\r\n/.exec(head) ?? []
  assert.ok(Math.abs(Date.parse(String(date)) - Date.now()) < 5_000, String(date))
  assert.deepEqual(head.replace(/\r\nDate: .*/, '').split('\r\n'), [
    ...['HTTP/1.1 200 OK', 'x-usual: 1', 'set-cookie: a=1', 'set-cookie: b=2', `content-length: ${body.length}`],
    ...['Connection: keep-alive', 'Keep-Alive: timeout=60'],
  ])
})

test('a body beyond the limit is refused', async () => {
  const thrown = Promise.withResolvers<unknown>()
  const { open } = await serve({}, (incoming, body) => {
    try {
      incoming.readBody(body.length - 1)
    } catch (error) {
      thrown.resolve(error)
      respond(incoming, incoming.readBody(body.length) as Buffer)
    }
  })
  const socket = await open()
  socket.write('POST /c HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc')
  assert.equal(Problem.from(await thrown.promise).code, 'body_too_large')
  assert.match(await socket.until((received) => bodiesOf(received).length === 1), /"body":"abc"/)
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
    incoming.answer({ status: 200, usual: { lines: [], text: '' }, lines: [], closes: true }, long)
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

test('who reads no answer is let go', async () => {
  const { server, open } = await serve({ socket_silence_ms: 1 }, (incoming) => {
    const body = Buffer.alloc(20_000_000)
    incoming.answer({ status: 200, usual: { lines: [], text: '' }, lines: [], closes: false }, body)
  })
  const socket = await open()
  socket.pause()
  socket.write(GET)
  const connections = () => new Promise<number>((done) => server.getConnections((_error, count) => done(count)))
  await eventually('the connection is gone', async () => (await connections()) === 0)
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
