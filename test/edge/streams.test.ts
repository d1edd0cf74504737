import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Cleared } from '../../src/edge/exchange.ts'
import { createOpenStreams } from '../../src/edge/open-streams.ts'
import { eventually } from '../support/edge-calls.ts'
import { type LoneEdge, startLoneEdge } from '../support/lone-edge.ts'
import { openRawSocket, statusesOf } from '../support/raw-socket.ts'

const LAST_CHUNK = '0\r\n\r\n'

describe('a stream', () => {
  const answers: ServerResponse[] = []
  const upstream = createServer((request, response) => {
    answers.push(response)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    response.write('data: first\n\n')
    if (request.url !== '/talking') return
    const talk = setInterval(() => response.write(': \n\n'), 50)
    response.once('close', () => clearInterval(talk))
  })
  let edge: LoneEdge

  before(async () => {
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    edge = await startLoneEdge(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`, [
      { path: '/silent', with: 'methods: [GET], tags: [public], stream: { idle_ms: 300 }' },
      { path: '/talking', with: 'methods: [GET], tags: [public], stream: { total_ms: 600, idle_ms: 300 }' },
      { path: '/long', with: 'methods: [GET], tags: [public], stream: true' },
    ])
  })
  after(async () => {
    await edge?.close()
    upstream.close()
    upstream.closeAllConnections()
  })

  const read = async (path: string) => {
    const socket = await openRawSocket(edge.urls.edge)
    socket.write(`GET ${path} HTTP/1.1\r\nHost: edge.test\r\n\r\n`)
    await socket.until((received) => received.includes('data: first'))
    return socket
  }

  test('begins, or shows its head, on a connection that brought another request before', async () => {
    const socket = await openRawSocket(edge.urls.edge)
    const ask = (what: string): void => socket.write(`${what} HTTP/1.1\r\nHost: edge.test\r\n\r\n`)
    ask('GET /nowhere')
    await socket.until((received) => received.endsWith('}'))
    ask('HEAD /long')
    await socket.until((received) => received.endsWith('\r\n\r\n'))
    ask('GET /long')
    const received = await socket.until((text) => text.includes('data: first'))
    assert.deepEqual(statusesOf(received), [404, 200, 200])
    assert.equal(received.match(/\r\ncontent-type: text\/event-stream\r\n/gi)?.length, 2)
    socket.destroy()
    await eventually('the upstream is let go', async () => answers.at(-1)?.closed)
  })

  test('is cut when its upstream falls silent', async () => {
    const received = await (await read('/silent')).closed()
    assert.ok(!received.endsWith(LAST_CHUNK))
  })

  test('comes to a whole end when it has lasted for its time, and its upstream is told', async () => {
    const socket = await read('/talking')
    const received = await socket.until((text) => text.endsWith(LAST_CHUNK))
    assert.match(received, /^HTTP\/1\.1 200 /)
    await eventually('the upstream is let go', async () => answers.at(-1)?.closed)
    socket.destroy()
  })

  test('waits for a reader who does not read: little of what the upstream says is kept meanwhile', async () => {
    const socket = await read('/long')
    socket.pause()
    const answer = answers.at(-1)
    assert.ok(answer !== undefined)
    for (let n = 0; n < 64; n++) answer.write(Buffer.alloc(1_048_576))
    await eventually('the edge takes no more', async () => {
      const left = answer.writableLength
      await new Promise((done) => setTimeout(done, 150))
      return left === answer.writableLength && left
    })
    assert.ok(answer.writableLength > 32 * 1_048_576, `${answer.writableLength} bytes are still with the upstream`)
    socket.destroy()
    await eventually('the upstream is told', async () => answer.closed)
  })

  test('comes to a whole end when the edge goes away', async () => {
    const socket = await read('/long')
    await edge.close()
    assert.ok((await socket.closed()).endsWith(LAST_CHUNK))
  })
})

describe('the streams that are open', () => {
  const cleared = (claims: object) =>
    ({ route: { stream: { idleMs: 1_000, totalMs: 60_000 } }, caller: { claims } }) as unknown as Cleared

  test('end with the token that they were opened with, and with the skew that it is given', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 })
    const ended: string[] = []
    const open = createOpenStreams(5_000)
    open.keep(cleared({ exp: 1_010 }), (how) => ended.push(`token ${how}`))
    open.keep(cleared({}), (how) => ended.push(`time ${how}`))
    const forget = open.keep(cleared({ exp: 1_010 }), (how) => ended.push(`forgotten ${how}`))
    forget()
    context.mock.timers.tick(14_999)
    assert.deepEqual(ended, [])
    context.mock.timers.tick(1)
    assert.deepEqual(ended, ['token over'])
    context.mock.timers.tick(45_000)
    assert.deepEqual(ended, ['token over', 'time over'])
  })

  test('end for those callers who are named, and for no other', () => {
    const ended: string[] = []
    const open = createOpenStreams(0)
    const forgets = ['a', 'b'].map((sub) => open.keep(cleared({ sub }), (how) => ended.push(`${sub} ${how}`)))
    open.close('refused', ({ claims }) => claims['sub'] === 'b')
    assert.deepEqual(ended, ['b refused'])
    for (const forget of forgets) forget()
    open.close('over')
    assert.deepEqual(ended, ['b refused'])
  })
})
