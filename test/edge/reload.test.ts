import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type EdgeCalls, edgeCalls, eventually, transferOf } from '../support/edge-calls.ts'
import { editFile, startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { openRawSocket, statusesOf } from '../support/raw-socket.ts'

const refusing = (...halves: readonly string[]) => `
  - { id: half, when: "request.headers[?'x-half'].orValue('') in ${JSON.stringify(halves).replaceAll('"', "'")}", effect: deny }
`
const LIMIT = 40

let platform: TestPlatform
let calls: EdgeCalls

before(async () => {
  platform = await startTestPlatform({
    policies: { 'quota.yaml': (text) => text.replace('limit: 1000, per: 10s', `limit: ${LIMIT}, per: 1h`) },
  })
  calls = edgeCalls(platform)
})
after(() => platform.close())

const edit = (name: string, change: (text: string) => string) => editFile(join(platform.places.policies, name), change)
const digest = async (): Promise<string> => (await calls.operate('operator', 'GET', '/readyz')).body.policies.bundle
const addRules = (rules: string) => (text: string) => text.replace('rules:\n', `rules:${rules}\n`)

/** Makes an edit and waits until it is in force. */
async function inForce(change: () => Promise<void>): Promise<void> {
  const before = await digest()
  await change()
  await eventually('the edit is in force', async () => (await digest()) !== before)
}

describe('while policies are edited', () => {
  test('a quota keeps what it has counted, whether other rules change or its own limit does', async () => {
    const remaining = async () => {
      const { headers } = await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob')
      return /"member-requests";r=(\d+)/.exec(headers['ratelimit'] ?? '')?.[1]
    }
    const first = Number(await remaining())
    assert.equal(first, LIMIT - 1)
    await inForce(() => edit('access.yaml', addRules(refusing('no'))))
    assert.equal(Number(await remaining()), LIMIT - 2)
    await inForce(() => edit('quota.yaml', (text) => text.replace(`limit: ${LIMIT}`, `limit: ${LIMIT + 10_000}`)))
    assert.equal(Number(await remaining()), LIMIT + 10_000 - 3)
    await inForce(() => edit('access.yaml', (text) => text.replace(refusing('no'), '')))
  })

  test('a request ends under the bundle it began with, however late its body comes', async () => {
    const old = await digest()
    const body = JSON.stringify(transferOf('12.00'))
    const socket = await openRawSocket(platform.urls.edge)
    const head = [
      'POST /v1/transfers HTTP/1.1',
      'Host: edge.test',
      `Authorization: Bearer ${await platform.token('mem_alice')}`,
      'Idempotency-Key: began-before',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Expect: 100-continue',
      'Connection: close',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    await socket.until((received) => received.includes('100 Continue')) // head and rules have been passed
    const rule = '\n  - { id: nothing-moves, match: { tags: [money] }, effect: deny, owner: security }\n'
    await inForce(() => edit('access.yaml', addRules(rule)))
    assert.equal((await calls.transfer('1.00')).status, 403)
    socket.write(body)
    const answer = await socket.closed()
    assert.deepEqual(statusesOf(answer), [100, 201])
    const receipt = /tidegate-receipt: (\S+)/i.exec(answer)?.[1]
    const recorded = await eventually('the receipt', async () => {
      const found = await calls.operate('operator', 'GET', `/v1/receipts/${receipt}`)
      return found.status === 200 && found.body
    })
    assert.equal(recorded.bundle, old)
    await inForce(() => edit('access.yaml', (text) => text.replace(rule, '')))
  })

  test('no request is judged by half of one bundle and half of another', async () => {
    // What one bundle refuses at the firewall the other refuses at the access rules: only a mix would let one pass.
    const set = async (name: string, now: string, next: string) => edit(name, (text) => text.replace(now, next))
    await inForce(() => edit('access.yaml', addRules(refusing('1'))))
    await inForce(() => edit('firewall.yaml', addRules(refusing('2'))))
    assert.equal((await calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob')).status, 200)
    const refusedBy = new Map<string, number>()
    let swapping = true
    const asking = (async () => {
      for (let n = 0; swapping; n++) {
        const headers = { 'x-half': String(1 + (n % 2)) }
        const ask = () => calls.call('mem_bob', 'GET', '/v1/accounts/acc_bob', { headers })
        for (const { status, body } of await Promise.all([ask(), ask(), ask(), ask()])) {
          assert.equal(status, 403, 'what either bundle refuses is refused')
          refusedBy.set(body.rule, (refusedBy.get(body.rule) ?? 0) + 1)
        }
      }
    })()
    for (let swap = 0; swap < 6; swap++) {
      const [now, next] = swap % 2 === 0 ? ['1', '2'] : ['2', '1']
      await inForce(async () => {
        // The folder may be read between two writes, so in between the access rules refuse both halves.
        await set('access.yaml', refusing(now), refusing('1', '2'))
        await set('firewall.yaml', refusing(next), refusing(now))
        await set('access.yaml', refusing('1', '2'), refusing(next))
      })
    }
    swapping = false
    await asking
    assert.deepEqual([...refusedBy.keys()].sort(), ['access/half', 'firewall/half'])
  })
})
