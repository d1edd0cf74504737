import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../support/edge-calls.ts'
import { AUDIENCE, ec, publicKey, token } from '../support/forged-token.ts'
import { type KeyServer, startKeyServer } from '../support/key-server.ts'
import { type LoneEdge, startLoneEdge } from '../support/lone-edge.ts'
import { openRawSocket, statusesOf } from '../support/raw-socket.ts'

const BURST = 600
const MONEY = 5
const SECRET = 'aSecretThatStandsInAQuery'
const ordinary = `GET /echo?access=${SECRET} HTTP/1.1\r\nHost: edge.test\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n`
/** No money moves while membership is away; that is found out when its turn has come. */
const known = token({ claims: { scope: 'accounts:read' } })
const money = `POST /v1/transfers HTTP/1.1\r\nHost: edge.test\r\nAuthorization: Bearer ${known}\r\nContent-Length: 2\r\n\r\n{}`
/** Tokens that nobody has verified: anyone can write as many as he likes. */
const made = (n: number) => money.replace(known, n % 2 === 0 ? 'x' : token({ header: { kid: `k-${n}` } }))

describe('an edge that is sent more than it can answer', () => {
  let edge: LoneEdge
  let issuer: KeyServer
  const held: ServerResponse[] = []
  const upstream = createServer((request, response) => {
    if (request.url === '/one') held.push(response)
    else request.resume().on('end', () => response.end('done'))
  })
  before(async () => {
    await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done))
    issuer = await startKeyServer([await publicKey(ec.publicKey, 'ec-1')])
    const names = `issuer: "https://a.example", jwks: "${issuer.url}", audience: ${AUDIENCE}, algorithms: [ES256]`
    edge = await startLoneEdge(
      `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
      [
        { path: '/echo', with: 'methods: [GET], tags: [public]' },
        { path: '/one', with: 'methods: [GET], tags: [public], running_per_principal_max: 1' },
      ],
      (config) =>
        config
          .replace(/intake: .*/, 'intake: { begun_per_turn_max: 1, patience_ms: 10 }')
          .replace('trusted_proxies: []', 'trusted_proxies: ["127.0.0.1/32"]')
          .replace('issuers:\n', `issuers:\n    - { ${names} }\n`),
    )
  })
  after(async () => {
    await edge?.close()
    await issuer?.close()
    upstream.close()
  })

  test('refuses at once what it will not come to, in the form of every refusal, and answers the rest; who pays goes first', async () => {
    const headers = { authorization: `Bearer ${known}` }
    const first = await fetch(`${edge.urls.edge}/v1/products/prd_basic`, { headers })
    assert.equal(first.status, 403, 'from now on the token is known')
    const open = (count: number) => Promise.all(Array.from({ length: count }, () => openRawSocket(edge.urls.edge)))
    const sockets = await open(BURST)
    const payers = await open(MONEY)
    for (const [n, socket] of sockets.entries()) socket.write(n < BURST / 2 ? ordinary : made(n))
    for (const socket of payers) socket.write(money)
    const answerOf = (socket: (typeof sockets)[number]) =>
      socket.until((received) => /\r\n\r\n(done|\{.*\})$/s.test(received))
    const answers = await Promise.all(sockets.map(answerOf))
    const paid = await Promise.all(payers.map(answerOf))
    for (const socket of [...sockets, ...payers]) socket.destroy()

    const statuses = answers.flatMap(statusesOf)
    const refused = statuses.filter((status) => status === 503).length
    assert.equal(statuses.length, BURST)
    assert.ok(refused > 0 && refused < BURST, `${refused} refused`)
    assert.equal(statuses.filter((status) => status === 200 || status === 401).length, BURST - refused)
    for (const answer of paid) assert.match(answer, /"code":"dependency_unavailable"/, 'its turn has come')

    const refusal = answers.find((answer) => answer.includes(' 503 ')) ?? ''
    assert.match(refusal, /\r\nretry-after: 1\r\n/i)
    assert.match(refusal, /\r\ncontent-type: application\/problem\+json\r\n/i)
    assert.doesNotMatch(refusal, /\r\nconnection: close/i, 'who was refused may ask again without another handshake')
    const { code, receipt } = JSON.parse(refusal.slice(refusal.indexOf('\r\n\r\n')))
    assert.equal(code, 'overloaded')
    assert.match(refusal, new RegExp(`\r\ntidegate-receipt: ${receipt}\r\n`, 'i'))

    const metrics = await (await fetch(`${edge.urls.operator}/metrics`)).text()
    assert.match(metrics, new RegExp(`^tidegate_refusals_total\\{code="overloaded"\\} ${refused}$`, 'm'))
    await eventually('a few receipts stand for all', async () => {
      const log = await readFile(join(edge.places.data, 'decisions/decisions.jsonl'), 'utf8')
      const kept = log.split('\n').filter((line) => line.includes('"stage":"intake"'))
      assert.ok(!log.includes(SECRET), 'of the target only its path is written down')
      const { rule, source } = JSON.parse(kept[0] ?? '{}')
      return kept.length < refused && rule === 'intake/patience' && source === '198.51.100.7'
    })
  })

  test('has so many places for one address, of which IPv6 gives a client a whole network', async () => {
    const from = (address: string) =>
      fetch(`${edge.urls.edge}/one`, { headers: { 'x-forwarded-for': address } }).then((answer) => answer.text())
    const first = from('2001:db8::1').catch(() => null)
    await eventually('it is under way', async () => held.length === 1)
    assert.match(await from('2001:db8:0:a::1'), /"rule":"route\/lone-1\/principal"/)
    const other = from('2001:db8:1::1')
    await eventually('another network has places of its own', async () => held.length === 2)
    for (const response of held) response.end('{}')
    await Promise.all([first, other])
  })
})
