import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findFreePorts } from '../../src/cli/demo/free-ports.ts'
import { eventually } from '../support/edge-calls.ts'
import { withRoutes } from '../support/lone-edge.ts'
import { type PreparedPlatform, prepareTestPlatform, urlsOf } from '../support/platform.ts'
import { callSteadily, newTally } from '../support/steady-client.ts'
import { startTidegate, type TidegateProcess } from '../support/tidegate-process.ts'

const CLIENTS = 16
const GET = 'GET /echo HTTP/1.1\r\nHost: edge.test\r\n\r\n'
const skip = process.platform !== 'linux' && 'not run: `reuse_port` needs Linux'

describe('two edges on one port', { skip }, () => {
  const upstream = createServer((_request, response) => void response.end('done'))
  const edges: { readonly edge: TidegateProcess; readonly operator: string }[] = []
  let prepared: PreparedPlatform

  before(async () => {
    await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
    prepared = await prepareTestPlatform({
      database: 'none',
      config: (text) =>
        withRoutes(text, url, [{ path: '/echo', with: 'methods: [GET], tags: [public]' }])
          .replace('edge:\n', 'edge:\n  reuse_port: true\n')
          .replace(/drain: .*/, 'drain: { notice_ms: 400, max_ms: 10000 }'),
    })
    for (const name of ['a', 'b']) {
      const own = {
        TIDEGATE_DATA: join(prepared.places.data, name),
        TIDEGATE_OPERATOR_PORT: `${await findFreePorts()}`,
      }
      const environment = { ...prepared.environment, ...own }
      edges.push({ edge: startTidegate(['start', 'edge'], environment), operator: urlsOf(environment).operator })
    }
    for (const { edge, operator } of edges) {
      const ready = () =>
        fetch(`${operator}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        )
      await eventually('both are ready', async () => (await ready()) || edge.child.exitCode !== null, 30_000)
      assert.equal(edge.child.exitCode, null, edge.output())
    }
  })

  after(async () => {
    for (const { edge } of edges) edge.child.kill('SIGKILL')
    upstream.close()
    upstream.closeAllConnections()
    await prepared.remove()
  })

  const served = async (operator: string): Promise<number> => {
    const metrics = await (await fetch(`${operator}/metrics`)).text()
    return Number(/^tidegate_requests_total\{route="lone-0",status="200"\} (\d+)/m.exec(metrics)?.[1] ?? 0)
  }

  test('both serve; when one is told to end, the other takes over, and what was taken is answered', async () => {
    const [first, second] = edges
    assert.ok(first !== undefined && second !== undefined)
    const tally = newTally()
    const until = new AbortController()
    const port = Number(prepared.environment['TIDEGATE_PORT'])
    const options = { mayConnect: () => true, until: until.signal }
    const clients = Array.from({ length: CLIENTS }, () => callSteadily(port, GET, tally, options))
    await eventually(
      'both serve',
      async () => (await served(first.operator)) > 0 && (await served(second.operator)) > 0,
    )
    first.edge.child.kill('SIGTERM')
    assert.equal(await first.edge.exited, 0, first.edge.output())
    const then = await served(second.operator)
    await eventually('the other serves on', async () => (await served(second.operator)) > then)
    until.abort()
    await Promise.all(clients)
    assert.deepEqual([tally.lost, tally.cut], [0, 0])
    assert.deepEqual(Object.keys(tally.statuses), ['200'])
    // What the kernel had queued for a listener that closes is reset, unless net.ipv4.tcp_migrate_req hands it on.
    assert.ok(tally.notTaken <= CLIENTS, `${tally.notTaken} connections were not taken`)
  })
})
