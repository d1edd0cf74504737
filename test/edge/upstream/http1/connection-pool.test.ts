import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Carrier } from '../../../../src/edge/upstream/http1/attempt.ts'
import { ConnectionPool } from '../../../../src/edge/upstream/http1/connection-pool.ts'
import { eventually } from '../../../support/edge-calls.ts'
import { type Act, ask, BareServer, textOf } from './exchanges.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const say =
  (text: string): Act =>
  (socket) =>
    socket.write(text)

const server = new BareServer()
const origin = await server.listen()
const pools: ConnectionPool[] = []

function poolOf(options: { connectionsMax?: number; keeps?: boolean; to?: string } = {}): ConnectionPool {
  const { connectionsMax = 10, keeps = true, to = origin } = options
  const pool = new ConnectionPool(to, { connectionsMax, keeps })
  pools.push(pool)
  return pool
}

beforeEach(() => {
  server.act = say(OK)
  server.received.length = 0
  server.sockets.length = 0
})
after(async () => {
  await Promise.all(pools.map((pool) => pool.close()))
  server.close()
})

/** Until a connection that is free may be used again. */
const rested = async (): Promise<void> => {
  for (let n = 0; n < 3; n++) await turn()
}

describe('a connection', () => {
  test('carries one request after the other, the one that was used last first', async () => {
    const pool = poolOf()
    await Promise.all([ask(pool), ask(pool), ask(pool)])
    assert.equal(server.sockets.length, 3)
    await rested()
    for (let n = 0; n < 5; n++) {
      await ask(pool)
      await rested()
    }
    assert.equal(server.sockets.length, 3)
    assert.deepEqual(
      server.sockets.map(({ bytesRead }) => bytesRead).sort((a, b) => a - b),
      [1, 1, 6].map((n) => n * (server.received[0]?.length ?? 0)),
    )
  })

  test('of which there may be no more makes the others wait, in their order', async () => {
    const pool = poolOf({ connectionsMax: 2 })
    const answers = Array.from({ length: 6 }, (_, n) => ask(pool, { path: `/${n}` }))
    await Promise.all(answers)
    assert.equal(server.sockets.length, 2)
    assert.deepEqual(
      server.received.map((request) => request.slice(5, 6)),
      ['0', '1', '2', '3', '4', '5'],
    )
  })

  test('ends with an answer that says so, that has no other end, or to HEAD', async () => {
    for (const [text, method] of [
      ['HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok', 'GET'],
      ['HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok', 'GET'],
      ['HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n', 'GET'],
      ['HTTP/1.1 200 OK\r\nKeep-Alive: timeout=2\r\nContent-Length: 2\r\n\r\nok', 'GET'],
      ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', 'HEAD'],
    ] as const) {
      server.act = say(text)
      server.sockets.length = 0
      const pool = poolOf()
      for (let n = 0; n < 2; n++) {
        assert.ok('answer' in (await ask(pool, { method })), text)
        await rested()
      }
      assert.equal(server.sockets.length, 2, text)
      await eventually('we end it', async () => server.sockets.every(({ readableEnded }) => readableEnded))
    }
    server.act = (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end')
    assert.equal(textOf(await ask(poolOf())), 'until the end')
  })

  test('is let go when it has rested for as long as it may', async () => {
    const pool = poolOf()
    await ask(pool)
    server.act = say('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=100\r\nContent-Length: 2\r\n\r\nok')
    await rested()
    pool.tick(performance.now() + 3_900)
    await ask(pool)
    await rested()
    pool.tick(performance.now() + 59_000)
    await ask(pool)
    assert.equal(server.sockets.length, 1)
    await rested()
    pool.tick(performance.now() + 60_001)
    await eventually('we end it', async () => server.sockets[0]?.readableEnded)
    await ask(pool)
    assert.equal(server.sockets.length, 2)
  })

  test('that was opened for a request that is given up meanwhile is another one’s', async () => {
    const pool = poolOf({ connectionsMax: 1 })
    let waited = false
    void ask(pool, { path: '/given-up' }, () => {
      waited = true
      return false
    })
    assert.equal(textOf(await ask(pool, { path: '/next' })), 'ok')
    assert.ok(waited)
    assert.deepEqual([server.received.length, server.sockets.length], [1, 1])
  })

  test('keeps nothing of a request that is over', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const pool = poolOf()
    const asked = new WeakRef(Buffer.alloc(1_000))
    await ask(pool, { method: 'POST', body: asked.deref() as Buffer })
    await rested()
    await ask(pool)
    await rested()
    const isForgotten = async () => {
      collect()
      return asked.deref() === undefined
    }
    await eventually('its body is collected', isForgotten)
    assert.equal(server.sockets.length, 1)
    await ask(pool)
    assert.equal(server.sockets.length, 1, 'while the connection goes on')
  })

  test('is not opened for requests that were given up while they waited', async () => {
    const pool = poolOf({ connectionsMax: 1 })
    let carrier: Carrier | undefined
    let isOver = false
    server.act = (socket, bytes, nth) => bytes.includes('/never') || say(OK)(socket, bytes, nth)
    void ask(pool, { path: '/never' }, (taken) => {
      carrier = taken
      return true
    })
    for (let n = 0; n < 50; n++) void ask(pool, { path: '/given-up', isOver: () => isOver })
    await eventually('the first is under way', async () => server.received.length === 1)
    isOver = true
    carrier?.abort()
    assert.equal(textOf(await ask(pool, { path: '/next' })), 'ok')
    assert.deepEqual([server.received.length, server.sockets.length], [2, 2])
  })
})

describe('no answer is given to another request', () => {
  const poison = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON'
  const onceThenOk =
    (first: Act): Act =>
    (socket, bytes, nth) =>
      (server.sockets.indexOf(socket) === 0 ? first : say(OK))(socket, bytes, nth)

  test('two at once are none: whose the first one is can’t be told', async () => {
    server.act = onceThenOk(say(OK + poison))
    const pool = poolOf()
    assert.deepEqual(await ask(pool), { failure: 'broken' })
    await rested()
    assert.equal(textOf(await ask(pool)), 'ok')
    assert.equal(server.sockets.length, 2)
  })

  test('what comes while nothing is asked ends the connection', async () => {
    const pool = poolOf()
    assert.equal(textOf(await ask(pool)), 'ok')
    await rested()
    server.sockets[0]?.write(poison)
    await eventually('we end it', async () => server.sockets[0]?.destroyed || server.sockets[0]?.readableEnded)
    assert.equal(textOf(await ask(pool)), 'ok')
    assert.equal(server.sockets.length, 2)
  })

  test('a byte that came before the next request is sent is found before it', async () => {
    server.act = onceThenOk((socket) => {
      socket.write(OK)
      setImmediate(() => setImmediate(() => socket.write('\r'))) // behind the answer, in the turn in which that is read
    })
    const pool = poolOf()
    assert.deepEqual([textOf(await ask(pool)), textOf(await ask(pool))], ['ok', 'ok'])
    assert.equal(server.sockets.length, 2)
  })

  test('one that was given up ends its connection', async () => {
    server.act = onceThenOk(() => {})
    const pool = poolOf({ connectionsMax: 1 })
    let giveUp = (): void => {}
    void ask(pool, {}, (carrier) => {
      giveUp = () => carrier.abort()
      return true
    })
    const next = ask(pool)
    await eventually('it is sent', async () => server.received.length === 1)
    server.sockets[0]?.write(poison)
    giveUp()
    assert.equal(textOf(await next), 'ok')
    assert.equal(server.sockets.length, 2)
  })
})

describe('what is known of a request without an answer', () => {
  const failures: Record<string, readonly [Act, string]> = {
    'the connection ends before a byte of it': [(socket) => socket.end(), 'unanswered'],
    'it is reset before a byte of it': [(socket) => socket.resetAndDestroy(), 'unanswered'],
    'it ends within the status line': [(socket) => socket.end('HTTP/1.1 2'), 'broken'],
    'it ends within the head': [(socket) => socket.end('HTTP/1.1 200 OK\r\nContent-'), 'broken'],
    'it ends behind an interim answer': [(socket) => socket.end('HTTP/1.1 103 x\r\n\r\n'), 'broken'],
    'it ends within the body': [(socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok'), 'broken'],
    'it ends within a chunk': [
      (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok'),
      'broken',
    ],
    'it ends before the last chunk': [
      (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'),
      'broken',
    ],
    'what comes is no answer': [say('no HTTP'), 'broken'],
  }
  for (const [what, [act, failure]] of Object.entries(failures)) {
    test(what, async () => {
      server.act = act
      assert.deepEqual(await ask(poolOf()), { failure })
    })
  }

  test('it is reset within a body that has no other end', async () => {
    server.act = (socket) =>
      socket.write('HTTP/1.1 200 OK\r\n\r\nhalf', () => setTimeout(() => socket.resetAndDestroy(), 30))
    assert.deepEqual(await ask(poolOf()), { failure: 'broken' })
  })

  test('nobody listens', async () => {
    assert.deepEqual(await ask(poolOf({ to: 'http://127.0.0.1:1' })), { failure: 'unsent' })
  })

  test('whoever waits behind one that fails is served', async () => {
    server.act = (socket, _bytes, nth) =>
      server.sockets.length === 1 && nth === 0 ? socket.destroy() : socket.write(OK)
    const pool = poolOf({ connectionsMax: 1 })
    assert.deepEqual((await Promise.all([ask(pool), ask(pool), ask(pool)])).map(textOf), ['unanswered', 'ok', 'ok'])
  })
})

test('an answer that comes before the request is written is taken, and the rest of that is not', async () => {
  const refusal = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n'
  server.act = (socket, _bytes, nth) => {
    if (nth > 0) return
    socket.pause()
    socket.write(server.sockets.length === 1 ? refusal : OK)
  }
  const pool = poolOf()
  const ended = await ask(pool, { method: 'POST', body: Buffer.alloc(33_554_432) })
  assert.equal('answer' in ended && ended.answer.status, 413)
  await rested()
  assert.equal(textOf(await ask(pool)), 'ok')
  assert.equal(server.sockets.length, 2)
})

test('a pool that closes answers what it was sent, and sends nothing more', async () => {
  let release = (): void => {}
  server.act = (socket) => {
    release = () => socket.write(OK)
  }
  const pool = poolOf({ connectionsMax: 1 })
  const [running, waiting] = [ask(pool), ask(pool)]
  await eventually('the first is there', async () => server.received.length === 1)
  let isClosed = false
  const closing = pool.close().then(() => {
    isClosed = true
  })
  assert.deepEqual(await ask(pool), { failure: 'unsent' })
  assert.ok(!isClosed)
  server.act = say(OK)
  release()
  assert.deepEqual((await Promise.all([running, waiting])).map(textOf), ['ok', 'ok'])
  await closing
  await eventually('no connection is left', async () => server.sockets.every(({ readableEnded }) => readableEnded))
})
