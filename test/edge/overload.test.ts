import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../support/edge-calls.ts'
import { type LoneEdge, startLoneEdge } from '../support/lone-edge.ts'
import { openRawSocket, statusesOf } from '../support/raw-socket.ts'

const BURST = 600
const MONEY = 5
const ordinary = 'GET /echo HTTP/1.1\r\nHost: edge.test\r\n\r\n'
/** Of nobody: it is refused, but only after its turn has come. */
const money = 'POST /v1/transfers HTTP/1.1\r\nHost: edge.test\r\nAuthorization: Bearer x\r\nContent-Length: 2\r\n\r\n{}'

describe('an edge that is sent more than it can answer', () => {
  let edge: LoneEdge
  const upstream = createServer((request, response) => void request.resume().on('end', () => response.end('done')))
  before(async () => {
    await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done))
    edge = await startLoneEdge(
      `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
      [{ path: '/echo', with: 'methods: [GET], tags: [public]' }],
      (config) => config.replace(/intake: .*/, 'intake: { begun_per_turn_max: 1, patience_ms: 10 }'),
    )
  })
  after(async () => {
    await edge?.close()
    upstream.close()
  })

  test('refuses at once what it will not come to, in the form of every refusal, and answers the rest; money goes first', async () => {
    const open = (count: number) => Promise.all(Array.from({ length: count }, () => openRawSocket(edge.urls.edge)))
    const sockets = await open(BURST)
    const payers = await open(MONEY)
    for (const socket of sockets) socket.write(ordinary)
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
    assert.equal(statuses.filter((status) => status === 200).length, BURST - refused)
    assert.deepEqual(paid.flatMap(statusesOf), Array(MONEY).fill(401))

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
      return kept.length > 0 && kept.length < refused && JSON.parse(kept[0] ?? '').rule === 'intake/patience'
    })
  })
})
