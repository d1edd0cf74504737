import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { ConnectionPool } from '../../../../src/edge/upstream/http1/connection-pool.ts'
import { pairOf, pemPath } from '../../../support/certificates.ts'
import { ask, BareServer, textOf } from './exchanges.ts'

const poolTo = (origin: string): ConnectionPool => new ConnectionPool(origin, { connectionsMax: 10, keeps: true })

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

test('an upstream with a certificate that is trusted is asked, in HTTP/1.1', async () => {
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, readFileSync(pemPath('server.crt'), 'utf8')])
  try {
    const pool = poolTo(secure)
    for (let n = 0; n < 3; n++) assert.equal(textOf(await ask(pool)), 'http/1.1')
    await pool.close()
  } finally {
    setDefaultCACertificates(before)
  }
})

test('who takes the connection and says nothing is not waited for', async () => {
  const silent = new BareServer()
  const origin = await silent.listen()
  assert.deepEqual(await ask(poolTo(origin.replace('http:', 'https:'))), { failure: 'unsent' })
  silent.close()
})
