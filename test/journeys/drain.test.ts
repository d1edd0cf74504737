import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/edge-calls.ts'
import { type PreparedPlatform, prepareTestPlatform, urlsOf } from '../support/platform.ts'
import { openRawSocket } from '../support/raw-socket.ts'
import { callSteadily, newTally } from '../support/steady-client.ts'
import { startTidegate, type TidegateProcess } from '../support/tidegate-process.ts'

const CLIENTS = 16
const NOTICE_MS = 600
const GET = 'GET /echo/a HTTP/1.1\r\nHost: edge.test\r\n\r\n'
const POST = 'POST /echo/a HTTP/1.1\r\nHost: edge.test\r\nContent-Length: 5\r\n\r\nhello'
const SLOW = 'POST /echo/slow HTTP/1.1\r\nHost: edge.test\r\nContent-Length: 5\r\n\r\nhello'

describe('an edge that is told to end under load', () => {
  let slow = 0
  let prepared: PreparedPlatform
  let edge: TidegateProcess
  let ready: () => Promise<{ status: number; parts: Record<string, string> }>
  const upstream = createServer(async (request, response) => {
    for await (const _ of request);
    if (request.url === '/echo/slow') slow += 1
    await sleep(request.url === '/echo/slow' ? NOTICE_MS + 600 : 3)
    response.end('here you are')
  })

  before(async () => {
    await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done))
    const { port } = upstream.address() as AddressInfo
    const echo =
      'id: echo, path: "/echo/{rest*}", methods: [GET, POST], upstream: echo, authenticate: none, tags: [public]'
    prepared = await prepareTestPlatform({
      database: 'none',
      config: (text) =>
        text
          .replace(
            'upstreams:\n',
            `upstreams:\n  echo: { url: "http://127.0.0.1:${port}", timeout_ms: 5000, running_max: 100 }\n`,
          )
          .replace('routes:\n', `routes:\n  - { ${echo} }\n`)
          .replace(/admission: .*/, 'admission: { requests: 1000000, per_ms: 10000 }')
          .replace(/drain: .*/, `drain: { notice_ms: ${NOTICE_MS}, max_ms: 10000 }`),
    })
    edge = startTidegate(['start', 'edge'], prepared.environment)
    ready = async () => {
      const answer = await fetch(`${urlsOf(prepared.environment).operator}/readyz`)
      return { status: answer.status, ...((await answer.json()) as { parts: Record<string, string> }) }
    }
    await eventually(
      'the edge is ready',
      () =>
        ready().then(
          ({ status }) => status === 200,
          () => false,
        ),
      30_000,
    )
  })

  after(async () => {
    edge.child.kill('SIGKILL')
    await edge.exited
    upstream.close()
    await prepared.remove()
  })

  test('says so first, then answers all it was sent: none lost, none cut, and it ends well', async () => {
    const port = Number(prepared.environment['TIDEGATE_PORT'])
    const tally = newTally()
    let mayConnect = true
    const until = new AbortController()
    const options = { mayConnect: () => mayConnect, until: until.signal }
    const clients = Array.from({ length: CLIENTS }, (_, n) => callSteadily(port, n % 2 ? GET : POST, tally, options))
    const silent = await openRawSocket(urlsOf(prepared.environment).edge)
    silent.write(GET)
    await silent.until((received) => received.endsWith('here you are'))
    const late = await openRawSocket(urlsOf(prepared.environment).edge)
    late.write(SLOW)
    await eventually('requests are under way', async () => tally.answered > CLIENTS && slow === 1)

    edge.child.kill('SIGTERM')
    const draining = await eventually('the edge is not ready any more', async () => {
      const { status, parts } = await ready()
      return status === 503 && parts
    })
    assert.deepEqual(draining, { edge: 'draining' })
    const atNotice = tally.answered
    await eventually('it serves on', async () => tally.answered > atNotice + CLIENTS)
    mayConnect = false // the balancer has noticed
    silent.write(GET)
    const [, farewell] = (await silent.closed()).split('here you are')
    assert.match(farewell ?? '', /^HTTP\/1\.1 200 .*\r\nconnection: close\r\n/is)

    await Promise.all(clients)
    const whole = await late.closed()
    assert.match(whole, /^HTTP\/1\.1 200 .*here you are$/s, 'what was under way longest is answered, too')
    assert.equal(await edge.exited, 0, edge.output())
    assert.deepEqual([tally.lost, tally.notTaken, tally.cut], [0, 0, 0])
    assert.deepEqual(Object.keys(tally.statuses), ['200'])
  })

  test('told a second time it ends at once', async () => {
    edge = startTidegate(['start', 'edge'], prepared.environment)
    await eventually(
      'the edge is ready',
      () =>
        ready().then(
          ({ status }) => status === 200,
          () => false,
        ),
      30_000,
    )
    const hung = await openRawSocket(urlsOf(prepared.environment).edge)
    slow = 0
    hung.write(SLOW)
    await eventually('a request is under way', async () => slow === 1)
    edge.child.kill('SIGTERM')
    await eventually('it is told', async () => edge.output().includes('is closing'))
    edge.child.kill('SIGTERM')
    assert.equal(await edge.exited, 1)
    assert.doesNotMatch(hung.received(), /here you are/)
  })
})
