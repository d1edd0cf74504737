import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { type ConnectionOptions, connect } from 'node:tls'
import { certificateThumbprint, pairOf, pemPath } from '../support/certificates.ts'
import { jkt, proofFor } from '../support/dpop-proof.ts'
import { eventually } from '../support/edge-calls.ts'
import { token } from '../support/forged-token.ts'
import { openRawSocket, statusesOf } from '../support/raw-socket.ts'
import { headersOf } from '../support/recording-upstream.ts'
import { startTokenRig, type TokenAnswer, type TokenRig } from '../support/token-rig.ts'

/** TLS on the edge itself, and tokens that are good on one client's connections only (RFC 8705). */

let rig: TokenRig
before(async () => {
  const tls = `{ certificate: ${pemPath('server.crt')}, key: ${pemPath('server.key')}, client_certificates: request, handshake_timeout_ms: 20000 }`
  rig = await startTokenRig((text) =>
    text.replace('edge:\n', `edge:\n  tls: ${tls}\n`).replace('per_address_max: 2000', 'per_address_max: 10'),
  )
  await new Promise((done) => setTimeout(done, 1_000)) // DPoP proofs from before the start are refused
})
after(() => rig.close())

const ca = readFileSync(pemPath('server.crt'), 'utf8')
const anonymous: ConnectionOptions = { ca, servername: 'edge.test' }
const client: ConnectionOptions = { ...anonymous, ...pairOf('client') }
const stranger: ConnectionOptions = { ...anonymous, ...pairOf('stranger') }
const x5t = certificateThumbprint('client')
const bound = (cnf: object = {}): string => token({ claims: { cnf: { 'x5t#S256': x5t, ...cnf } } })

const send = (authorization: string, tls: ConnectionOptions, lines: readonly string[] = []): Promise<TokenAnswer> =>
  rig.send([authorization], '/guarded', lines, tls)

async function assertRefused(answer: Promise<TokenAnswer>, challenge: RegExp): Promise<void> {
  const sent = rig.forwarded()
  const refused = await answer
  assert.equal(refused.status, 401, refused.text)
  assert.match(refused.challenge, challenge)
  assert.equal(rig.forwarded(), sent, 'nothing is forwarded')
}

describe('a token bound to a certificate', () => {
  test('is taken on a connection that has it', async () => {
    assert.equal((await send(`Bearer ${bound()}`, client)).status, 200)
  })

  test('is refused on any other, also when it is remembered', async () => {
    const stolen = bound()
    assert.equal((await send(`Bearer ${stolen}`, client)).status, 200)
    await assertRefused(send(`Bearer ${stolen}`, stranger), /^Bearer .*error="invalid_token"/)
    await assertRefused(send(`Bearer ${stolen}`, anonymous), /^Bearer .*error="invalid_token"/)
  })

  test('is not taken for a header that tells of the certificate, which goes no further', async () => {
    const der = pairOf('client').cert.replace(/-----[A-Z ]+-----|\n/g, '')
    const told = [
      `Client-Cert: :${der}:`,
      `Client-Cert-Chain: :${der}:`,
      `X-Client-Cert: ${der}`,
      `X-SSL-Client-Cert: ${der}`,
      `X-Forwarded-Client-Cert: Hash=${x5t}`,
      `SSL-Client-Cert: ${der}`,
    ]
    await assertRefused(send(`Bearer ${bound()}`, anonymous, told), /error="invalid_token"/)
    await assertRefused(send(`Bearer ${bound()}`, stranger, told), /error="invalid_token"/)
    assert.equal((await send(`Bearer ${token()}`, anonymous, told)).status, 200)
    assert.doesNotMatch(rig.requests.at(-1) ?? 'none', /cert/i)
  })

  test('is taken on a resumed session of the connection that had it, with the client’s key to the session', async () => {
    const port = Number(new URL(rig.platform.urls.edge).port)
    const first = connect({ port, host: '127.0.0.1', ...client })
    const [session] = await once(first, 'session')
    first.destroy()
    const { cert: _cert, key: _key, ...withoutPair } = client
    assert.equal((await send(`Bearer ${bound()}`, { ...withoutPair, session })).status, 200)
    assert.equal((await send(`Bearer ${bound()}`, withoutPair)).status, 401)
  })

  test('and to a key needs both', async () => {
    const both = bound({ jkt: await jkt() })
    const proof = () => [`DPoP: ${proofFor(both, { claims: { htu: 'https://edge.test/guarded' } })}`]
    assert.equal((await send(`DPoP ${both}`, client, proof())).status, 200)
    await assertRefused(send(`DPoP ${both}`, stranger, proof()), /error="invalid_token"/)
    await assertRefused(send(`DPoP ${both}`, client), /error="invalid_dpop_proof"/)
    await assertRefused(send(`Bearer ${both}`, client), /^DPoP .*error="invalid_token"/)
  })
})

describe('over TLS', () => {
  test('a DPoP proof names https', async () => {
    const key = token({ claims: { cnf: { jkt: await jkt() } } })
    const proof = (htu: string) => [`DPoP: ${proofFor(key, { claims: { htu } })}`]
    assert.equal((await send(`DPoP ${key}`, anonymous, proof('https://edge.test:443/guarded'))).status, 200)
    await assertRefused(send(`DPoP ${key}`, anonymous, proof('http://edge.test/guarded')), /error="invalid_dpop_proof"/)
  })

  test('the upstream is told so, and a target in absolute form says so', async () => {
    const authorization = [`Bearer ${token()}`]
    assert.equal((await rig.send(authorization, 'https://edge.test/guarded', [], anonymous)).status, 200)
    assert.equal(headersOf(rig.requests.at(-1) ?? '').get('x-forwarded-proto'), 'https')
    assert.equal((await rig.send(authorization, 'http://edge.test/guarded', [], anonymous)).status, 400)
  })

  test('the limits hold, parser errors are answered, and requests follow each other on a connection', async () => {
    const many = Array.from({ length: 101 }, (_, at) => `x-${at}: 1`)
    assert.equal((await send(`Bearer ${token()}`, anonymous, many)).status, 431)
    assert.equal((await send(`Bearer ${token()}`, anonymous, [`x-long: ${'a'.repeat(20_000)}`])).status, 431)
    assert.equal((await send(`Bearer ${token()}`, anonymous, ['bad header'])).status, 400)
    const socket = await openRawSocket(rig.platform.urls.edge, anonymous)
    const request = `GET /guarded HTTP/1.1\r\nHost: edge.test\r\nAuthorization: Bearer ${token()}\r\n\r\n`
    socket.write(request + request)
    assert.deepEqual(statusesOf(await socket.until((text) => statusesOf(text).length === 2)), [200, 200])
    socket.destroy()
  })

  test('connections of an address are counted, those that are refused do not even shake hands', async () => {
    const held = await Promise.all(Array.from({ length: 10 }, () => openRawSocket(rig.platform.urls.edge, anonymous)))
    await assert.rejects(openRawSocket(rig.platform.urls.edge, anonymous))
    for (const socket of held) socket.destroy()
    await eventually('there is room again', () => send(`Bearer ${token()}`, anonymous).catch(() => null))
  })

  test('a tunnel is refused as it is in plain', async () => {
    const socket = await openRawSocket(rig.platform.urls.edge, anonymous)
    socket.write('CONNECT edge.test:443 HTTP/1.1\r\nHost: edge.test:443\r\n\r\n')
    assert.deepEqual(statusesOf(await socket.closed()), [501])
    assert.equal((await send(`Bearer ${token()}`, anonymous)).status, 200)
  })

  test('plain HTTP is cut off unanswered, and the next connection is served', async () => {
    await assert.rejects(rig.send([`Bearer ${token()}`]).then(({ status }) => assert.ok(status > 0)))
    assert.equal((await send(`Bearer ${token()}`, anonymous)).status, 200)
  })

  test('the operator sees when the certificate ends', async () => {
    const metrics = await (await fetch(`${rig.platform.urls.operator}/metrics`)).text()
    assert.match(metrics, /^tidegate_tls_rejected 0$/m)
    assert.match(metrics, /^tidegate_tls_expires_timestamp_seconds \d{10}$/m)
  })
})
