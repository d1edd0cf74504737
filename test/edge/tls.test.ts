import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, createServer, get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect as connectPlain, createServer as createPlainServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { type EdgeTls, openTls, type TlsConfig } from '../../src/edge/tls.ts'
import { createLog } from '../../src/platform/log.ts'
import { pairOf, pemPath } from '../support/certificates.ts'
import { eventually } from '../support/edge-calls.ts'

const log = createLog('silent')
const shipped: TlsConfig = { certificate: pemPath('server.crt'), key: pemPath('server.key') }
type Listening = { readonly port: number; readonly tls: EdgeTls; requests(): number; close(): Promise<void> }

/** A listener that answers everything with 200. */
async function listen(config: Partial<TlsConfig> = {}): Promise<Listening> {
  const tls = await openTls({ ...shipped, ...config }, log)
  let requests = 0
  const server = createServer(tls.options, (_request, response) => {
    requests += 1
    response.end('ok')
  })
  tls.serve(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    tls,
    requests: () => requests,
    async close() {
      await tls.close()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  await once(socket, 'secureConnect')
  return socket
}

/** The whole answer to a request on this socket; empty when it was closed instead. */
async function answerOn(socket: TLSSocket): Promise<string> {
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes
  })
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: edge.test\r\nConnection: close\r\n\r\n')
  if (!socket.closed) await once(socket, 'close')
  return text
}

describe('versions and suites of TLS', () => {
  let listening: Listening
  before(async () => {
    listening = await listen()
  })
  after(() => listening.close())

  test('1.3 is preferred; the certificate is the one of the file, and HTTP/1.1 is agreed on', async () => {
    const { cert: ca } = pairOf('server')
    const options = { rejectUnauthorized: true, ca, servername: 'edge.test', ALPNProtocols: ['h2', 'http/1.1'] }
    const socket = await handshake(listening.port, options)
    assert.deepEqual([socket.getProtocol(), socket.alpnProtocol], ['TLSv1.3', 'http/1.1'])
    assert.match(await answerOn(socket), /^HTTP\/1\.1 200 /)
  })

  for (const cipher of ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384']) {
    test(`1.2 is taken with ${cipher}`, async () => {
      const socket = await handshake(listening.port, { maxVersion: 'TLSv1.2', ciphers: cipher })
      assert.match(await answerOn(socket), /^HTTP\/1\.1 200 /)
    })
  }

  const refused: Readonly<Record<string, ConnectionOptions>> = {
    '1.1': { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    '1.2 with a suite of CBC': { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' },
    '1.2 with a suite that is fine, but not of BCP 195': {
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305',
    },
  }
  for (const [what, options] of Object.entries(refused)) {
    test(`${what} is refused`, async () => {
      await assert.rejects(handshake(listening.port, options), /alert/)
    })
  }
})

test('who says nothing, or speaks plain HTTP, is cut off, and the next one is served', async () => {
  const listening = await listen({ handshake_timeout_ms: 100 })
  for (const bytes of ['', 'GET / HTTP/1.1\r\nHost: edge.test\r\n\r\n', '\x16\x03\x01']) {
    const socket = connectPlain(listening.port, '127.0.0.1')
    let received = ''
    socket.on('data', (data) => {
      received += data.toString('latin1')
    })
    socket.on('error', () => {})
    socket.write(bytes, 'latin1')
    await once(socket, 'close')
    assert.doesNotMatch(received, /HTTP/)
  }
  assert.match(await answerOn(await handshake(listening.port)), /^HTTP\/1\.1 200 /)
  await listening.close()
})

describe('the certificate of a client', () => {
  const client_ca = pemPath('client-ca.crt')
  const cases: readonly (readonly [
    string,
    Partial<TlsConfig>,
    { client: boolean; stranger: boolean; none: boolean },
  ])[] = [
    ['is not asked for', {}, { client: true, stranger: true, none: true }],
    ['may be missing', { client_certificates: 'request', client_ca }, { client: true, stranger: false, none: true }],
    ['must be there', { client_certificates: 'require', client_ca }, { client: true, stranger: false, none: false }],
    ['may be issued by anyone', { client_certificates: 'require' }, { client: true, stranger: true, none: false }],
  ]
  for (const [what, config, expected] of cases) {
    test(what, async () => {
      const listening = await listen(config)
      // In 1.2 the client learns of it before the handshake is over, in 1.3 after that.
      const isServed = (options: ConnectionOptions): Promise<boolean> =>
        handshake(listening.port, options)
          .then(answerOn)
          .then(
            (text) => text.startsWith('HTTP/1.1 200 '),
            () => false,
          )
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        const served = {
          client: await isServed({ ...pairOf('client'), maxVersion }),
          stranger: await isServed({ ...pairOf('stranger'), maxVersion }),
          none: await isServed({ maxVersion }),
        }
        assert.deepEqual(served, expected, maxVersion)
      }
      await listening.close()
    })
  }
})

describe('a request that comes with the end of the handshake', () => {
  /** What the client sends in a tenth of a second goes on as one piece. */
  const batchTo = async (port: number) => {
    const relay = createPlainServer((client) => {
      const edge = connectPlain(port, '127.0.0.1')
      for (const socket of [client, edge]) socket.on('error', () => socket.destroy())
      edge.pipe(client)
      client.once('close', () => edge.destroy())
      let batch: Buffer[] = []
      client.on('data', (bytes: Buffer) => {
        if (batch.push(bytes) > 1) return
        setTimeout(() => {
          edge.write(Buffer.concat(batch))
          batch = []
        }, 100)
      })
    })
    relay.listen(0, '127.0.0.1')
    await once(relay, 'listening')
    return { port: (relay.address() as AddressInfo).port, close: () => relay.close() }
  }
  for (const owner of ['client', 'stranger', null] as const) {
    test(`is ${owner === 'client' ? 'served' : 'not even read'} with the certificate of ${owner ?? 'nobody'}`, async () => {
      const listening = await listen({ client_certificates: 'require', client_ca: pemPath('client-ca.crt') })
      const relay = await batchTo(listening.port)
      const socket = await handshake(relay.port, owner === null ? {} : pairOf(owner))
      const text = await answerOn(socket)
      await sleep(50)
      assert.deepEqual(
        [text.startsWith('HTTP/1.1 200 '), listening.requests()],
        owner === 'client' ? [true, 1] : [false, 0],
      )
      relay.close()
      await listening.close()
    })
  }
})

describe('files that change', () => {
  let folder: string
  let listening: Listening
  const path = (name: string): string => join(folder, name)
  const put = async (owner: 'server' | 'server-next' | 'expired'): Promise<void> => {
    await copyFile(pemPath(`${owner}.crt`), path('edge.crt'))
    await copyFile(pemPath(`${owner}.key`), path('edge.key'))
  }
  const served = async (): Promise<string> => {
    const socket = await handshake(listening.port)
    const { subject } = socket.getPeerX509Certificate() ?? { subject: '' }
    socket.destroy()
    return subject
  }
  const isRejected = () => eventually('the pair is rejected', async () => listening.tls.status().rejected)
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-tls-'))
    await put('server')
    listening = await listen({ certificate: path('edge.crt'), key: path('edge.key') })
  })
  after(async () => {
    await listening.close()
    await rm(folder, { recursive: true })
  })

  test('are in force for the next connection, while those that are open go on', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
    const ask = (): Promise<string> =>
      new Promise((done, fail) => {
        get({ port: listening.port, host: '127.0.0.1', agent }, (response) => {
          const { subject } = (response.socket as TLSSocket).getPeerX509Certificate() ?? { subject: '' }
          response.resume().once('end', () => done(`${response.statusCode} ${subject}`))
        }).once('error', fail)
      })
    assert.equal(await ask(), '200 CN=server')
    await put('server-next')
    await eventually('the next certificate is served', async () => (await served()) === 'CN=server-next')
    assert.equal(await ask(), '200 CN=server')
    agent.destroy()
  })

  const broken: Readonly<Record<string, () => Promise<void>>> = {
    'that do not fit each other': () => copyFile(pemPath('server.key'), path('edge.key')),
    'that say nothing': () => writeFile(path('edge.crt'), ''),
    'that are gone': () => rm(path('edge.key')),
    'that have expired': () => put('expired'),
  }
  for (const [what, spoil] of Object.entries(broken)) {
    test(`${what} leave the last good ones in force, and the operator is told`, async () => {
      await put('server-next')
      await eventually('the pair is good', async () => listening.tls.status().rejected === null)
      await spoil()
      assert.match((await isRejected()) || '', /./)
      assert.equal(await served(), 'CN=server-next')
    })
  }

  test('that can not be used refuse the start', async () => {
    await assert.rejects(openTls({ ...shipped, key: pemPath('stranger.key') }, log), /edge\.tls: .*server\.crt/)
    await assert.rejects(openTls({ ...shipped, key: path('missing') }, log), /missing/)
    const expired = { certificate: pemPath('expired.crt'), key: pemPath('expired.key') }
    await assert.rejects(openTls(expired, log), /has expired/)
  })
})
