import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { credentialFile } from '../../../src/platform/data-directory.ts'
import { endpointsOf } from '../../../src/platform/upstream-config.ts'
import { assertRefused, type EdgeCalls, edgeCalls, eventually } from '../../support/edge-calls.ts'
import { type LoneEdge, startLoneEdge } from '../../support/lone-edge.ts'
import { openRawSocket } from '../../support/raw-socket.ts'

type Act = (request: IncomingMessage, response: ServerResponse) => void

/** An upstream's endpoint that can go away and come back under its address. */
class TestEndpoint {
  readonly requests: IncomingMessage[] = []
  isWell = true
  act: Act = (_request, response) => void response.end('ok')
  /** What it answers to an upgrade. */
  handshake = 'HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n'
  #server: Server = createServer()
  port = 0

  async listen(): Promise<void> {
    this.#server = createServer((request, response) => {
      if (request.url === '/health') return void response.writeHead(this.isWell ? 204 : 500).end()
      this.requests.push(request)
      this.act(request, response)
    })
    this.#server.on('upgrade', (request, socket) => {
      this.requests.push(request)
      socket.end(this.handshake)
    })
    this.#server.listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as AddressInfo).port
  }

  async leave(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }
}

const a = new TestEndpoint()
const b = new TestEndpoint()
let edge: LoneEdge
let calls: EdgeCalls

before(async () => {
  await Promise.all([a.listen(), b.listen()])
  const health = 'health: { path: /health, every_ms: 50, timeout_ms: 1000, unhealthy_after: 2, healthy_after: 1 }'
  const upstreams = [
    `  pair: { endpoints: ["${a.url}", "${b.url}"], timeout_ms: 5000, running_max: 100, ejection: { failures: 2, ms_min: 300 } }`,
    ...['told', 'spoken'].map(
      (name) =>
        `  ${name}: { endpoints: ["${a.url}", "${b.url}"], timeout_ms: 5000, running_max: 100, ejection: { failures: 2 } }`,
    ),
    `  checked: { endpoints: ["${a.url}", "${b.url}"], timeout_ms: 5000, running_max: 100, ${health} }`,
    `  tight: { url: "${a.url}", timeout_ms: 5000, running_max: 100, connections_max: 1, pending_max: 1 }`,
  ]
  const open = 'authenticate: none, tags: [public]'
  const routes = [
    ...['pair', 'checked', 'tight'].map(
      (name) => `  - { id: ${name}, path: /${name}, methods: [GET, POST], upstream: ${name}, ${open} }`,
    ),
    `  - { id: keyed, path: /keyed, methods: [POST], upstream: pair, idempotency_key: required, ${open} }`,
    `  - { id: told, path: /told, methods: [GET], upstream: told, stream: true, ${open} }`,
    `  - { id: spoken, path: /spoken, methods: [GET], upstream: spoken, stream: true, upgrade: websocket, ${open} }`,
    `  - { id: hurried, path: /hurried, methods: [GET, POST], upstream: pair, budget_ms: 700, ${open} }`,
  ]
  edge = await startLoneEdge(a.url, [], (config) =>
    config
      .replace('upstreams:\n', `upstreams:\n${upstreams.join('\n')}\n`)
      .replace('routes:\n', `routes:\n${routes.join('\n')}\n`),
  )
  calls = edgeCalls({ urls: edge.urls, token: () => readFile(credentialFile(edge.places.data), 'utf8') })
})
after(async () => {
  await edge.close()
  await Promise.all([a.leave(), b.leave()])
})
beforeEach(() => {
  for (const endpoint of [a, b]) {
    endpoint.requests.length = 0
    endpoint.act = (_request, response) => void response.end('ok')
  }
})

const get = (path: string, headers = {}) => calls.call(null, 'GET', path, { headers })
const getMany = async (path: string, count: number): Promise<number[]> =>
  (await Promise.all(Array.from({ length: count }, () => get(path)))).map(({ status }) => status)
const sent = (): number => a.requests.length + b.requests.length

type View = { origin: string; healthy: boolean; ejectedUntil: string | null; ejections: number; turnedAway: number }
async function viewOf(upstream: string, endpoint: TestEndpoint): Promise<View> {
  const { body } = await calls.operate('operator', 'GET', '/v1/upstreams')
  const { endpoints } = body.items.find(({ name }: { name: string }) => name === upstream)
  return endpoints.find(({ origin }: View) => origin === endpoint.url)
}

const receiptOf = (id: string) =>
  eventually('the receipt is written', async () => {
    const text = await readFile(join(edge.places.data, 'decisions/decisions.jsonl'), 'utf8')
    const line = text.split('\n').find((each) => each.includes(id))
    return line !== undefined && JSON.parse(line)
  })

describe('an upstream with two endpoints', () => {
  test('shares the requests between them', async () => {
    assert.deepEqual(new Set(await getMany('/pair', 60)), new Set([200]))
    assert.ok(a.requests.length > 10 && b.requests.length > 10, `${a.requests.length} and ${b.requests.length}`)
  })

  test('serves without one of them, leaves it alone, says so, and takes it back', async () => {
    await a.leave()
    const statuses: number[] = []
    await eventually('it is ejected', async () => {
      statuses.push((await get('/pair')).status)
      return (await viewOf('pair', a)).ejectedUntil !== null
    })
    assert.deepEqual(new Set(statuses), new Set([200]))
    const { ejectedUntil, ejections } = await viewOf('pair', a)
    assert.ok(ejections >= 1 && (ejectedUntil === null || Date.parse(ejectedUntil) > Date.now() - 10_000))
    const metrics = await (await fetch(`${edge.urls.operator}/metrics`)).text()
    assert.match(
      metrics,
      new RegExp(`tidegate_endpoint_ejections_total{upstream="pair",endpoint="127.0.0.1:${a.port}"} \\d`),
    )
    assert.match(metrics, /tidegate_upstream_retries_total{upstream="pair",outcome="sent"} [1-9]/)
    await a.listen()
    await eventually('it is asked again', async () => {
      await getMany('/pair', 4)
      return a.requests.length > 0
    })
  })

  test('leaves out the one that its health check finds sick, until it is well', async () => {
    a.isWell = false
    await eventually('it is found out', async () => !(await viewOf('checked', a)).healthy)
    a.requests.length = 0
    await getMany('/checked', 20)
    assert.deepEqual([a.requests.length, b.requests.length], [0, 20])
    a.isWell = true
    await eventually('it is believed again', async () => (await viewOf('checked', a)).healthy)
    await getMany('/checked', 20)
    assert.ok(a.requests.length > 0)
  })

  test('gets a POST once, and one with a key that the route asks for at most twice', async () => {
    for (const endpoint of [a, b]) endpoint.act = (request) => void request.socket.destroy()
    const key = 'k-1'
    assertRefused(await calls.call(null, 'POST', '/pair', { body: {}, key }), 'upstream_failed')
    assert.equal(sent(), 1, 'a key that the route does not ask for may mean nothing to the upstream')
    const answer = await calls.call(null, 'POST', '/keyed', { body: {}, key })
    assertRefused(answer, 'upstream_failed')
    assert.equal(sent(), 3)
    const receipt = await receiptOf(answer.headers['tidegate-receipt'] ?? '?')
    assert.equal(receipt.attempts, 2)
    assert.ok([a, b].some(({ port }) => receipt.endpoint === `127.0.0.1:${port}`))
  })
})

describe('an endpoint that fails those who open what lasts', () => {
  test('is ejected by the heads of streams, and the receipt names it', async () => {
    a.act = (_request, response) => void response.writeHead(503).end()
    b.act = (request) => void request.socket.destroy()
    const receipts = await failUntilEjected('told', async () => {
      const answer = await get('/told')
      assert.ok([502, 503].includes(answer.status), answer.text)
      return answer.headers['tidegate-receipt'] ?? '?'
    })
    const receipt = await receiptOf(receipts[0] ?? '?')
    assert.equal(receipt.attempts, 1)
    assert.ok([a, b].some(({ port }) => receipt.endpoint === `127.0.0.1:${port}`))
  })

  test('is ejected by the answers to upgrades, and one that it refuses is no failure', async () => {
    const upgrade = async (): Promise<string> => {
      const socket = await openRawSocket(edge.urls.edge)
      socket.write('GET /spoken HTTP/1.1\r\nHost: edge.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      return socket.closed()
    }
    for (let n = 0; n < 8; n++) assert.match(await upgrade(), /^HTTP\/1\.1 409 /)
    assert.equal((await ejectedOf('spoken')).length, 0)
    for (const endpoint of [a, b]) endpoint.handshake = 'no HTTP at all'
    await failUntilEjected('spoken', async () => assert.match(await upgrade(), /^HTTP\/1\.1 502 /))
  })

  const ejectedOf = async (upstream: string): Promise<View[]> =>
    (await Promise.all([a, b].map((endpoint) => viewOf(upstream, endpoint)))).filter(({ ejections }) => ejections > 0)

  async function failUntilEjected<T>(upstream: string, fail: () => Promise<T>): Promise<T[]> {
    const failed: T[] = []
    while ((await ejectedOf(upstream)).length === 0) {
      assert.ok(failed.length < 4, 'two in a row are enough, of either')
      failed.push(await fail())
    }
    return failed
  }
})

describe('an endpoint with one connection and one place to wait', () => {
  test('turns a third request away at once, and it was not sent', async () => {
    const held: ServerResponse[] = []
    a.act = (_request, response) => void held.push(response)
    const first = get('/tight').then(({ status }) => status)
    await eventually('the first is there', async () => held.length === 1)
    const second = get('/tight').then(({ status }) => status)
    const third = await eventually('a further one is turned away', async () => {
      const answer = await Promise.race([get('/tight'), second.then(() => null)])
      return answer
    })
    assertRefused(third, 'upstream_unavailable')
    assert.match(third.body.detail, /too many requests wait for tight; nothing was sent/)
    a.act = (_request, response) => void response.end('ok')
    held[0]?.end('ok')
    assert.deepEqual([await first, await second], [200, 200])
    assert.equal(a.requests.length, 2)
    assert.ok((await viewOf('tight', a)).turnedAway >= 1)
  })
})

describe('the deadline in the request', () => {
  test('is ours: the upstream is told for how long we wait, whatever the client says', async () => {
    await get('/pair', { 'tidegate-deadline-ms': '99999999' })
    await get('/hurried')
    const told = [...a.requests, ...b.requests]
      .map(({ headers }) => Number(headers['tidegate-deadline-ms']))
      .sort((x, y) => x - y)
    assert.equal(told[1], 5_000)
    assert.ok((told[0] ?? 0) > 0 && (told[0] ?? 0) <= 700, String(told[0]))
  })

  test('is no shorter for a client who takes his time over the body: the upstream is not to blame for it', async () => {
    const socket = await openRawSocket(edge.urls.edge)
    socket.write('POST /hurried HTTP/1.1\r\nHost: edge.test\r\nContent-Length: 4\r\n\r\nbo')
    await sleep(750) // longer than the budget
    socket.write('dy')
    assert.match(await socket.until((received) => received.endsWith('ok')), /^HTTP\/1\.1 200 /)
    socket.destroy()
  })

  test('ends with the budget of the route', async () => {
    for (const endpoint of [a, b]) endpoint.act = () => {}
    assertRefused(await get('/hurried'), 'upstream_timeout')
    assert.equal(sent(), 1)
  })
})

test('an upstream says where it is in one of two ways', () => {
  const rest = { timeout_ms: 1, running_max: 1 }
  assert.deepEqual(endpointsOf('x', { ...rest, url: 'http://a:1' }), ['http://a:1'])
  assert.deepEqual(endpointsOf('x', { ...rest, endpoints: ['http://a:1', 'http://b:1'] }), ['http://a:1', 'http://b:1'])
  assert.throws(() => endpointsOf('x', rest), /upstream x: say either `url` or `endpoints`/)
  assert.throws(() => endpointsOf('x', { ...rest, url: 'http://a:1', endpoints: ['http://b:1'] }), /either/)
})
