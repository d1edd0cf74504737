import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { Worker } from 'node:worker_threads'
import { ConnectionPool } from '../../../../src/edge/upstream/http1/connection-pool.ts'
import { pairOf, pemPath } from '../../../support/certificates.ts'
import { ask, BareServer, textOf } from './exchanges.ts'

const poolTo = (origin: string): ConnectionPool => new ConnectionPool(origin, { connectionsMax: 10, keeps: true })

/** In a thread of its own: its answer comes while our thread is still in the turn in which it sent. */
const ANSWERS_WITH_CONNECTIONS = `
  const { parentPort, workerData } = require('node:worker_threads')
  let connections = 0
  const server = require('node:tls').createServer(workerData, (socket) => {
    connections += 1
    socket.on('error', () => {}).on('data', () => socket.write('HTTP/1.1 200 OK\\r\\nContent-Length: 1\\r\\n\\r\\n' + connections))
  })
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`

const server = createServer({ ...pairOf('server'), ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n${socket.alpnProtocol}`
  socket.on('error', () => {}).on('data', () => socket.write(answer))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const secure = `https://localhost:${(server.address() as AddressInfo).port}`
after(() => server.close())

test('nothing is sent to whom nobody vouches for', async () => {
  assert.deepEqual(await ask(poolTo(secure)), { failure: 'unsent' })
})

/** In which the server's certificate is trusted. */
async function trusting(work: () => Promise<void>): Promise<void> {
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, readFileSync(pemPath('server.crt'), 'utf8')])
  try {
    await work()
  } finally {
    setDefaultCACertificates(before)
  }
}

test('an upstream with a certificate that is trusted is asked, in HTTP/1.1', () =>
  trusting(async () => {
    const pool = poolTo(secure)
    for (let n = 0; n < 3; n++) assert.equal(textOf(await ask(pool)), 'http/1.1')
    await pool.close()
  }))

test('one connection is kept for many requests, however fast they are answered', () =>
  trusting(async () => {
    const elsewhere = new Worker(ANSWERS_WITH_CONNECTIONS, { eval: true, workerData: pairOf('server') })
    after(() => elsewhere.terminate())
    const [port] = (await once(elsewhere, 'message')) as [number]
    const pool = poolTo(`https://localhost:${port}`)
    for (let n = 0; n < 300; n++) assert.equal(textOf(await ask(pool, { path: `/${n}` })), '1')
    await pool.close()
  }))

test('an answer that ends with its connection may have been cut short by anyone: it is none', () =>
  trusting(async () => {
    const ends = createServer(pairOf('server'), (socket) => {
      socket.on('error', () => {}).on('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\n{"amount":"1'))
    })
    after(() => ends.close())
    ends.listen(0, '127.0.0.1')
    await once(ends, 'listening')
    const pool = poolTo(`https://localhost:${(ends.address() as AddressInfo).port}`)
    assert.deepEqual(await ask(pool), { failure: 'broken' })
    await pool.close()
  }))

test('who takes the connection and says nothing is not waited for', async () => {
  const silent = new BareServer()
  const origin = await silent.listen()
  assert.deepEqual(await ask(poolTo(origin.replace('http:', 'https:'))), { failure: 'unsent' })
  silent.close()
})
