import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { after, beforeEach, describe, test } from 'node:test'
import { ConnectionPool } from '../../../../src/edge/upstream/http1/connection-pool.ts'
import { fieldLines } from '../../../../src/edge/upstream/http1/request-bytes.ts'
import { ask, BareServer, textOf } from './exchanges.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const server = new BareServer()
const origin = await server.listen()
const pools: ConnectionPool[] = []

function poolOf({ keeps = true, to = origin } = {}): ConnectionPool {
  const pool = new ConnectionPool(to, { connectionsMax: 10, keeps })
  pools.push(pool)
  return pool
}

beforeEach(() => {
  server.act = (socket) => socket.write(OK)
  server.received.length = 0
})
after(async () => {
  await Promise.all(pools.map((pool) => pool.close()))
  server.close()
})

describe('a request is written', () => {
  const host = new URL(origin).host
  const start = (method: string, connection = 'keep-alive'): string =>
    `${method} /a?b HTTP/1.1\r\nhost: ${host}\r\nconnection: ${connection}\r\nx-a: b\r\n`
  const asked = { path: '/a?b', headers: { 'x-a': 'b' } }

  test('in one piece, framed by what it is', async () => {
    const body = Buffer.from('\xff\0€', 'latin1')
    await ask(poolOf(), asked)
    await ask(poolOf(), { ...asked, method: 'POST', body })
    await ask(poolOf(), { ...asked, method: 'POST' })
    await ask(poolOf(), { ...asked, method: 'DELETE' })
    await ask(poolOf({ keeps: false }), asked)
    assert.deepEqual(server.received, [
      `${start('GET')}\r\n`,
      `${start('POST')}content-length: 3\r\n\r\n${body.toString('latin1')}`,
      `${start('POST')}content-length: 0\r\n\r\n`,
      `${start('DELETE')}\r\n`,
      `${start('GET', 'close')}\r\n`,
    ])
  })

  test('of eight megabytes, as it is, and read so', async () => {
    const body = Buffer.alloc(8_388_608, '0123456789abcdef\xff\0', 'latin1')
    let got = 0
    server.act = (socket, bytes) => {
      got += bytes.length
      const head = server.received[0]?.indexOf('\r\n\r\n') ?? 0
      if (got === body.length + head + 4)
        socket.write(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`), body]))
    }
    const ended = await ask(poolOf(), { method: 'POST', body })
    assert.ok('answer' in ended && ended.answer.body.equals(body))
    assert.ok(server.received.join('').endsWith(`\r\n\r\n${body.toString('latin1')}`))
  })

  test('with nothing in it that would be another line', () => {
    for (const [name, value] of [
      ['a', 'b\r\nc: d'],
      ['a', 'b\nc'],
      ['a', 'b\rc'],
      ['a', 'b\0'],
      ['a', 'b\u010a'], // a line feed, when it is written as one byte
      ['a: b\r\nc', 'd'],
      ['a b', 'c'],
      ['', 'c'],
    ] as const) {
      assert.throws(() => fieldLines({ [name]: value }), /fits into one line/, JSON.stringify([name, value]))
    }
    assert.equal(fieldLines({ a: 'b\t\xe9', 'c-d': '' }), 'a: b\t\xe9\r\nc-d: \r\n')
  })

  const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
  test('to IPv6, too', { skip: !hasIPv6 }, async () => {
    const six = new BareServer()
    const to = await six.listen('::1')
    six.act = (socket) => socket.write(OK)
    assert.equal(textOf(await ask(poolOf({ to }))), 'ok')
    assert.match(six.received[0] ?? '', new RegExp(`\\r\\nhost: \\[::1\\]:${new URL(to).port}\\r\\n`))
    six.close()
  })
})
