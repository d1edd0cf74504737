import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { after, beforeEach, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Endpoint } from '../../../src/edge/upstream/endpoint.ts'
import { EndpointSet } from '../../../src/edge/upstream/endpoint-set.ts'
import type { ReceivedAnswer } from '../../../src/edge/upstream/http1/answer-reader.ts'
import { RetryBudget } from '../../../src/edge/upstream/retry-budget.ts'
import { type Repeatable, type SendingDeps, send } from '../../../src/edge/upstream/sending.ts'
import { UnderWay } from '../../../src/edge/upstream/under-way.ts'
import { UpstreamFault } from '../../../src/edge/upstream-request.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { newId } from '../../../src/kernel/id.ts'

type Act = (socket: Socket, request: string, nth: number) => void

const ok: Act = (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
const unavailable: Act = (socket) => socket.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')
const hangUp: Act = (socket) => socket.destroy()
const say =
  (text: string): Act =>
  (socket) =>
    socket.write(text)

/** A server that acts on each request by its number on the connection. */
class RawUpstream {
  readonly requests: string[] = []
  connections = 0
  act: Act = ok
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor() {
    this.#server = createServer((socket) => {
      let nth = 0
      this.connections += 1
      this.#sockets.add(socket)
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
      socket.on('data', (bytes) => {
        this.requests.push(bytes.toString('latin1'))
        this.act(socket, bytes.toString('latin1'), nth++)
      })
    })
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

const one = new RawUpstream()
const other = new RawUpstream()
const urls = { one: await one.listen(), other: await other.listen() }
const REFUSING = 'http://127.0.0.1:1'
const opened: EndpointSet[] = []

after(async () => {
  one.close()
  other.close()
  await Promise.all(opened.map((set) => set.close()))
})
beforeEach(() => {
  for (const upstream of [one, other]) {
    upstream.act = ok
    upstream.requests.length = 0
    upstream.connections = 0
  }
})

/** What sends to these, the first one first. */
function sendingTo(origins: readonly string[], options: { connections?: number; budgetMin?: number } = {}) {
  const all = origins.map((origin) => new Endpoint(origin, options.connections ?? 10, 10))
  const endpoints = new EndpointSet(all)
  opened.push(endpoints)
  const budget = new RetryBudget({ budget_min: options.budgetMin ?? 100, budget_share: 0.2 })
  const deps: SendingDeps = { endpoints, budget, attemptsMax: 2, underWay: new UnderWay() }
  const trail = { receipt: newId('receipt', systemClock.now()), attempts: 0, endpoint: null as string | null }
  const sendOne = async (repeatable: Repeatable, leftMs = 2_000) => {
    trail.attempts = 0
    const method = repeatable === 'idempotent' ? 'GET' : 'POST'
    const request = { path: '/', method, headers: {}, body: null, repeatable, leftMs, trail }
    try {
      const { status, body } = await new Promise<ReceivedAnswer>((answered, failed) =>
        send(deps, all[0] as Endpoint, request, { answered, failed }),
      )
      return { kind: 'answered', status, body: body.toString() }
    } catch (error) {
      assert.ok(error instanceof UpstreamFault, String(error))
      const { outcome } = error
      return outcome.kind === 'answered'
        ? { kind: 'answered', status: (outcome.answer as { status: number }).status }
        : outcome
    }
  }
  return { deps, all, budget, trail, sendOne }
}

const sent = (): number => one.requests.length + other.requests.length
const deadlineOf = (request: string | undefined): number =>
  Number(/tidegate-deadline-ms: (\d+)/.exec(request ?? '')?.[1])

describe('a connection that ends just as the request comes', () => {
  const staleAt =
    (nth: number): Act =>
    (socket, request, n) =>
      (n === nth ? hangUp : ok)(socket, request, n)

  for (const repeatable of ['idempotent', 'keyed'] as const) {
    test(`is met again on a new connection (${repeatable})`, async () => {
      one.act = staleAt(1)
      const { sendOne, trail } = sendingTo([urls.one])
      await sendOne(repeatable)
      await setImmediate() // until the connection is free again
      const answer = await sendOne(repeatable)
      assert.deepEqual([answer.kind, trail.attempts], ['answered', 2])
      assert.deepEqual([one.requests.length, one.connections], [3, 2])
    })
  }

  test('is not met again where a request may be acted upon twice', async () => {
    one.act = staleAt(1)
    const { sendOne, trail } = sendingTo([urls.one, urls.other])
    await sendOne('once')
    await setImmediate()
    assert.deepEqual(await sendOne('once'), { kind: 'lost', reason: 'broken' })
    assert.deepEqual([trail.attempts, sent()], [1, 2])
  })

  test('is met once more, not for ever', async () => {
    one.act = hangUp
    const { sendOne } = sendingTo([urls.one])
    assert.deepEqual(await sendOne('keyed'), { kind: 'lost', reason: 'broken' })
    assert.equal(one.requests.length, 2)
  })

  test('a connection is left before the other side ends it', async () => {
    one.act = say('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok')
    const { sendOne } = sendingTo([urls.one])
    await sendOne('once')
    await setImmediate()
    await sendOne('once')
    assert.equal(one.connections, 2)
  })
})

describe('a request is sent again', () => {
  test('whatever it is, when nothing of it left: to another endpoint', async () => {
    const { sendOne, trail } = sendingTo([REFUSING, urls.other])
    assert.deepEqual(await sendOne('once'), { kind: 'answered', status: 200, body: 'ok' })
    assert.deepEqual([trail.attempts, trail.endpoint, sent()], [2, new URL(urls.other).host, 1])
  })

  test('not when there is no other endpoint to send it to', async () => {
    const { sendOne, trail } = sendingTo([REFUSING])
    assert.deepEqual([(await sendOne('idempotent')).kind, trail.attempts], ['not_sent', 1])
  })

  test('after a 503 only by its method, and only elsewhere', async () => {
    one.act = unavailable
    const { sendOne } = sendingTo([urls.one, urls.other])
    assert.deepEqual((await sendOne('idempotent')).kind === 'answered' && sent(), 2)
    assert.deepEqual([await sendOne('keyed'), sent()], [{ kind: 'answered', status: 503 }, 3])
    const alone = sendingTo([urls.one])
    assert.deepEqual([await alone.sendOne('idempotent'), sent()], [{ kind: 'answered', status: 503 }, 4])
  })

  test('never when a byte of an answer was seen', async () => {
    for (const text of [
      'HTTP/1.1 2',
      'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha',
      'HTTP/1.1 103 Early Hints\r\n\r\n',
    ]) {
      one.requests.length = 0
      one.act = (socket) => socket.end(text)
      const { sendOne } = sendingTo([urls.one, urls.other])
      assert.deepEqual([await sendOne('keyed'), sent()], [{ kind: 'lost', reason: 'broken' }, 1], text)
    }
  })

  test('and what came of the first attempt stays unknown, whatever the second one says of itself', async () => {
    one.act = hangUp
    other.act = unavailable
    const refused = sendingTo([urls.one, urls.other])
    assert.deepEqual([await refused.sendOne('keyed'), sent()], [{ kind: 'lost', reason: 'broken' }, 2])
    const away = sendingTo([urls.one, REFUSING])
    assert.deepEqual([await away.sendOne('keyed'), sent()], [{ kind: 'lost', reason: 'broken' }, 3])
  })

  test('within the budget, when everything fails', async () => {
    one.act = hangUp
    const { sendOne, budget } = sendingTo([urls.one], { budgetMin: 5 })
    for (let n = 0; n < 50; n++) await sendOne('idempotent')
    assert.deepEqual([one.requests.length, budget.retries, budget.refused], [60, 10, 40])
  })
})

describe('the deadline', () => {
  test('is told to the other side, and what is left of it to the next', async () => {
    one.act = (socket) => setTimeout(() => socket.destroy(), 60)
    const { sendOne } = sendingTo([urls.one, urls.other])
    await sendOne('idempotent', 1_000)
    const [first, second] = [deadlineOf(one.requests[0]), deadlineOf(other.requests[0])]
    assert.equal(first, 1_000)
    assert.ok(second > 0 && second <= 945, String(second))
  })

  const endless: Record<string, Act> = {
    'no answer': () => {},
    'interim answers without end': (socket) => {
      const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 5)
      socket.once('close', () => clearInterval(timer))
    },
    'a body that trickles': (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n')
      const timer = setInterval(() => socket.write('.'), 5)
      socket.once('close', () => clearInterval(timer))
    },
  }
  for (const [what, act] of Object.entries(endless)) {
    test(`ends ${what}, and nothing is sent again`, async () => {
      one.act = act
      const { sendOne, deps, all } = sendingTo([urls.one, urls.other])
      const answer = sendOne('idempotent', 50)
      const looking = setInterval(() => {
        for (const sending of deps.underWay) sending.giveUpAfter(performance.now())
      }, 10)
      assert.deepEqual([await answer, sent()], [{ kind: 'lost', reason: 'timeout' }, 1])
      clearInterval(looking)
      assert.deepEqual([all[0]?.inFlight, [...deps.underWay]], [0, []])
    })
  }

  test('of one that waits for a connection: nothing was sent, then or later', async () => {
    let release = (): void => {}
    one.act = (socket, request, nth) => {
      release = () => ok(socket, request, nth)
    }
    const { sendOne, deps } = sendingTo([urls.one], { connections: 1 })
    const holding = sendOne('once')
    const waiting = sendOne('once', 1)
    await new Promise((done) => setTimeout(done, 30))
    for (const sending of deps.underWay) sending.giveUpAfter(performance.now())
    assert.equal((await waiting).kind, 'not_sent')
    one.act = ok
    release()
    assert.equal((await holding).kind, 'answered')
    await sendOne('idempotent')
    assert.equal(one.requests.filter((request) => request.startsWith('POST')).length, 1)
  })
})
