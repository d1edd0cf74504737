import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, test } from 'node:test'
import { DirectConnection, type DirectOwner } from '../../../src/edge/direct/connection.ts'
import type { Incoming } from '../../../src/edge/incoming.ts'
import { steadyMs } from '../../../src/edge/turn-clock.ts'
import type { EdgeLimits } from '../../../src/platform/config-schema.ts'
import { eventually } from '../../support/edge-calls.ts'
import { openRawSocket, type RawSocket } from '../../support/raw-socket.ts'

const [NEW_MS, IDLE_MS, SILENT_MS] = [10_000, 20_000, 40_000]
/** How much longer than it is told an idle connection is kept. */
const LONGER_MS = 1_000
const LIMITS = {
  ...{ header_bytes_max: 16_384, headers_timeout_ms: NEW_MS, keep_alive_ms: IDLE_MS },
  ...{ socket_silence_ms: SILENT_MS, requests_per_socket_max: 10 },
} as EdgeLimits
const GET = 'GET /a HTTP/1.1\r\nhost: edge.test\r\n\r\n'

let close: () => Promise<void> = async () => {}
afterEach(() => close())

type Rig = {
  readonly connection: DirectConnection
  readonly socket: Socket
  readonly client: RawSocket
  readonly taken: Incoming[]
  /** What became of the connection. */
  readonly told: string[]
  /** No later than the last thing that happened, and no earlier. */
  readonly from: number
}

/** One connection, without anyone who looks at it in time. */
async function connect(options: Partial<DirectOwner> = {}): Promise<Rig> {
  const from = steadyMs()
  const taken: Incoming[] = []
  const told: string[] = []
  const owner: DirectOwner = {
    limits: LIMITS,
    isDraining: () => false,
    isForNode: () => false,
    take: (incoming) => void taken.push(incoming),
    refuseSilent: () => void told.push('silent'),
    handOver: (_socket, requests) => void told.push(`handed over after ${requests}`),
    gone: () => void told.push('gone'),
    ...options,
  }
  const server = createServer({ allowHalfOpen: true })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const accepted = once(server, 'connection')
  const client = await openRawSocket(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const [socket] = (await accepted) as [Socket]
  close = async () => {
    client.destroy()
    socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return { connection: new DirectConnection(owner, socket), socket, client, taken, told, from }
}

const answer = (incoming: Incoming | undefined, body = '', closes = false): void =>
  incoming?.answer({ status: 200, usual: { lines: [], text: '' }, lines: [], closes }, Buffer.from(body))

test('who says nothing is told so once, and has a while to read it', async () => {
  const { connection, socket, told, from } = await connect()
  connection.look(from + NEW_MS)
  assert.deepEqual(told, [])
  const now = steadyMs()
  connection.look(now + NEW_MS + 1)
  connection.look(from + SILENT_MS)
  assert.deepEqual([told, socket.destroyed], [['silent'], false])
  connection.look(now + SILENT_MS + 1)
  assert.deepEqual([told, socket.destroyed], [['silent'], true])
})

test('who waits for his answer is let go later than who has it', async () => {
  const { connection, socket, client, taken, from } = await connect()
  client.write(GET)
  await eventually('it is taken', async () => taken[0])
  connection.look(from + SILENT_MS)
  assert.equal(socket.destroyed, false)
  connection.look(steadyMs() + SILENT_MS + 1)
  assert.equal(socket.destroyed, true)
})

test('who has his answer is let go a little later than he is told', async () => {
  const { connection, socket, client, taken, from } = await connect()
  client.write(GET)
  answer(await eventually('it is taken', async () => taken[0]))
  assert.match(await client.until((text) => text.endsWith('\r\n\r\n')), /\r\nKeep-Alive: timeout=20\r\n/)
  connection.look(from + IDLE_MS + LONGER_MS)
  assert.equal(socket.destroyed, false)
  connection.look(steadyMs() + IDLE_MS + LONGER_MS + 1)
  assert.equal(socket.destroyed, true)
})

for (const closes of [false, true]) {
  test(`who has not yet taken a long answer ${closes ? 'that is his last ' : ''}may go on taking it`, async () => {
    const { connection, socket, client, taken, from } = await connect()
    client.pause()
    client.write(GET)
    answer(await eventually('it is taken', async () => taken[0]), 'x'.repeat(20_000_000), closes)
    await eventually('it is on its way', async () => socket.writableLength > 0 || null)
    assert.equal(socket.timeout, SILENT_MS)
    connection.endIfIdle()
    connection.look(steadyMs() + SILENT_MS + 1)
    client.resume()
    await client.until((text) => text.length > 20_000_000)
    if (closes) return
    await eventually('it is idle', async () => socket.timeout === 0 || null)
    connection.look(from + IDLE_MS + LONGER_MS)
    assert.equal(socket.destroyed, false)
    connection.look(steadyMs() + IDLE_MS + LONGER_MS + 1)
    assert.equal(socket.destroyed, true)
  })
}

for (const behind of [0, 1, 100_000]) {
  test(`from its last answer on nothing of a connection is read, ${behind} requests behind it`, async () => {
    const { client, taken } = await connect()
    client.write(GET)
    const first = await eventually('it is taken', async () => taken[0])
    client.write(GET.repeat(behind))
    const bytesMin = GET.length * Math.min(behind, 1_000)
    await eventually('some of it is here', async () => first.socket.bytesRead >= bytesMin || null)
    answer(first, 'x'.repeat(30_000_000), true) // it takes the client a while
    await new Promise((done) => setImmediate(done))
    client.write(GET)
    assert.match(await client.closed(), /x$/)
    assert.equal(taken.length, 1)
  })
}

test('who sends no more is not answered any more', async () => {
  const { socket, client, taken, told } = await connect()
  client.write(GET)
  const incoming = await eventually('it is taken', async () => taken[0])
  client.end()
  await client.closed()
  answer(incoming, 'late')
  await eventually('the connection is gone', async () => told[0])
  assert.deepEqual([client.received(), socket.destroyed], ['', true])
})

test('a client who resets his connection while his answer is due is gone, and his answer goes nowhere', async () => {
  const { client, taken, told } = await connect()
  client.write(GET)
  const incoming = await eventually('it is taken', async () => taken[0])
  client.reset()
  await eventually('the connection is gone', async () => told.length > 0 || null)
  answer(incoming, 'late')
  await new Promise((done) => setImmediate(done))
  assert.ok(told.every((what) => what === 'gone'))
})

test('whoever is handed a connection has it alone, with its bytes and what it has brought', async () => {
  const events = ['data', 'end', 'error', 'close', 'drain', 'timeout']
  const { promise: handed, resolve } = Promise.withResolvers<number[]>()
  const { socket, client, taken, told } = await connect({
    handOver(taken, requests) {
      taken.on('data', (bytes) => told.push(String(bytes)))
      resolve([requests, ...events.map((event) => taken.listenerCount(event))])
    },
  })
  const before = events.map((event) => socket.listenerCount(event))
  client.write(GET)
  answer(await eventually('it is taken', async () => taken[0]), 'x'.repeat(10_000_000))
  await client.until((text) => text.endsWith('x'.repeat(1_000)) && text.length > 10_000_000)
  client.write('GET /half')
  const [requests, ...after] = await handed
  assert.equal(requests, 1)
  assert.deepEqual(
    after,
    events.map((event, at) => (before[at] ?? 0) - (['end', 'error', 'close'].includes(event) ? 1 : 0)),
  )
  await eventually('it is read', async () => told.includes('GET /half') || null)
  assert.deepEqual(told, ['gone', 'GET /half'])
})
