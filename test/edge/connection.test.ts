import assert from 'node:assert/strict'
import diagnostics from 'node:diagnostics_channel'
import { EventEmitter, once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { trustedProxies } from '../../src/edge/client-address.ts'
import { guardConnections } from '../../src/edge/connection.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { editFile, startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { openRawSocket } from '../support/raw-socket.ts'

const REQUEST = 'GET /v1/accounts/acc_bob HTTP/1.1\r\nHost: edge.test\r\n\r\n'

/** The sockets that a server of this process accepts on a port, each once it is closed. */
function acceptedOn(port: number): { next(): Promise<Socket>; stop(): void } {
  const waiting: Socket[] = []
  const seen = (message: unknown): void => {
    const { socket } = message as { socket: Socket & { readonly server: Server } } // its own port is gone once it is closed
    if ((socket.server.address() as AddressInfo).port === port) waiting.push(socket)
  }
  diagnostics.subscribe('net.server.socket', seen)
  return {
    async next() {
      const socket = await eventually('a connection is accepted', async () => waiting.shift())
      if (!socket.closed) await once(socket, 'close')
      return socket
    },
    stop: () => void diagnostics.unsubscribe('net.server.socket', seen),
  }
}

/** Connects from another thread and sends a whole request while this one stands still: it waits in the kernel. */
function sendBeforeAccepted(port: number): Worker {
  const sent = new Int32Array(new SharedArrayBuffer(4))
  const client = `
    const { workerData: { port, request, sent } } = require('node:worker_threads')
    const socket = require('node:net').connect(port, '127.0.0.1', () => socket.write(request, () => {
      Atomics.store(sent, 0, 1)
      Atomics.notify(sent, 0)
    }))
    socket.on('error', () => {})`
  const worker = new Worker(client, { eval: true, workerData: { port, request: REQUEST, sent } })
  assert.equal(Atomics.wait(sent, 0, 0, 10_000), 'ok')
  return worker
}

describe('a source that the rules refuse', () => {
  let platform: TestPlatform
  let calls: EdgeCalls
  before(async () => {
    platform = await startTestPlatform()
    calls = edgeCalls(platform)
  })
  after(() => platform.close())

  const bundle = async () => (await calls.operate('operator', 'GET', '/readyz')).body.policies.bundle
  const block = async (from: string, to: string): Promise<void> => {
    const before = await bundle()
    await editFile(join(platform.places.policies, 'lists.yaml'), (text) => text.replace(from, to))
    await eventually('the edit is in force', async () => (await bundle()) !== before)
  }

  test('is refused when it connects: not a byte is read, also of a request that is already there', async () => {
    const open = await openRawSocket(platform.urls.edge)
    open.write(REQUEST)
    assert.match(await open.until((received) => received.includes('}')), /^HTTP\/1.1 401 /)
    await block('203.0.113.0/24', '203.0.113.0/24, 127.0.0.1/32')

    const { port } = platform.ports.edge
    const accepted = acceptedOn(port)
    const early = sendBeforeAccepted(port)
    const late = connect(port, '127.0.0.1')
    late.on('error', () => {})
    for (let n = 0; n < 2; n++) {
      const { bytesRead, bytesWritten } = await accepted.next()
      assert.deepEqual([bytesRead, bytesWritten], [0, 0])
    }
    accepted.stop()
    await early.terminate()

    open.write(REQUEST) // it was connected before the rule came
    assert.match(await open.until((received) => received.includes('firewall_denied')), /HTTP\/1.1 403 /)
    open.destroy()

    await block(', 127.0.0.1/32', '')
    assert.equal((await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob')).status, 200)
  })

  test('is counted by the rule; a flood leaves a few receipts, and they tell how many it was', async () => {
    await block('203.0.113.0/24', '203.0.113.0/24, 127.0.0.1/32')
    const refused = 60
    for (let n = 0; n < refused; n++) {
      const socket = connect(platform.ports.edge.port, '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'close')
    }
    const { text } = await calls.operate('operator', 'GET', '/metrics')
    const counted = /tidegate_connections_refused_total\{rule="firewall\/blocked-addresses"\} (\d+)/.exec(text)?.[1]
    assert.ok(Number(counted) >= refused)
    const log = await readFile(join(platform.places.data, 'decisions/decisions.jsonl'), 'utf8')
    const receipts = log.split('\n').filter((line) => line.includes('"stage":"accept"'))
    assert.ok(receipts.length > 0 && receipts.length < refused, `${receipts.length} receipts`)
    const [first] = receipts.map((line) => JSON.parse(line))
    assert.equal(first.rule, 'firewall/blocked-addresses')
    assert.equal(first.source, '127.0.0.1')
    assert.match(first.receipt, /^rcp_/)
    await block(', 127.0.0.1/32', '')
  })
})

describe('the guard of a listener', () => {
  /** A server that answers everyone it lets in, and how a connection to it ended. */
  async function outcomes(proxies: readonly string[], refuses: boolean, perAddressMax: number, connections: number) {
    const server = createServer((_request, response) => response.end('served'))
    const asked: string[] = []
    guardConnections(server, {
      perAddressMax,
      proxies: trustedProxies(proxies),
      refuses(address) {
        asked.push(address)
        return refuses
      },
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const sockets = await Promise.all(
      Array.from({ length: connections }, () => openRawSocket(`http://127.0.0.1:${port}`)),
    )
    const ends = await Promise.all(
      sockets.map(async (socket) => {
        socket.write(REQUEST)
        return socket
          .until((received) => received.includes('served'))
          .then(
            () => 'served',
            () => 'closed',
          )
      }),
    )
    for (const socket of sockets) socket.destroy()
    server.close()
    return { ends: ends.sort(), asked }
  }

  test('lets a trusted proxy in, however many connections it has: its clients are behind it', async () => {
    const { ends, asked } = await outcomes(['127.0.0.0/8'], true, 1, 3)
    assert.deepEqual([ends, asked], [['served', 'served', 'served'], []])
  })

  test('closes what is more than one address may hold, and asks for no rule about it', async () => {
    const { ends, asked } = await outcomes([], false, 2, 3)
    assert.deepEqual(
      [ends, asked],
      [
        ['closed', 'served', 'served'],
        ['127.0.0.1', '127.0.0.1'],
      ],
    )
  })

  test('does not count a connection that it refused', async () => {
    const { ends, asked } = await outcomes([], true, 1, 3)
    assert.deepEqual([ends, asked.length], [['closed', 'closed', 'closed'], 3])
  })
})

test('the addresses of one customer of IPv6 hold connections together', () => {
  const server = new EventEmitter() as Server // a machine has no two public networks of its own to connect from
  guardConnections(server, { perAddressMax: 2, proxies: trustedProxies([]), refuses: () => false })
  const isKept = (remoteAddress: string): boolean => {
    let kept = true
    const socket = Object.assign(new EventEmitter(), { remoteAddress, destroy: () => (kept = false) })
    server.emit('connection', socket)
    return kept
  }
  const addresses = ['2001:db8:1:201::1', '2001:db8:1:202::2', '2001:db8:1:2ff::3', '2001:db8:1:300::4']
  assert.deepEqual(addresses.map(isKept), [true, true, false, true])
  assert.deepEqual(['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1', '192.0.2.2'].map(isKept), [true, true, false, true])
})
