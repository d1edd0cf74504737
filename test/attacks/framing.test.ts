import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { type AttackRig, http, startAttackRig } from '../support/attack-rig.ts'
import { openRawSocket, statusesOf } from '../support/raw-socket.ts'
import { headersOf } from '../support/recording-upstream.ts'

let rig: AttackRig

before(async () => {
  rig = await startAttackRig()
})
after(() => rig.close())
beforeEach(async () => {
  await rig.newDecisions(0)
})

const SMUGGLED = 'GET /echo/smuggled HTTP/1.1\r\nHost: edge.test\r\n\r\n'
const CHUNKS = '5\r\nhello\r\n0\r\n\r\n'
const post = (...lines: string[]) => http('POST /echo/a HTTP/1.1', lines, CHUNKS)

describe('framing that two servers could read differently is refused', () => {
  const cases: Record<string, readonly [bytes: string, status: number | readonly number[]]> = {
    'Content-Length and Transfer-Encoding': [post('Content-Length: 5', 'Transfer-Encoding: chunked'), 400],
    'Transfer-Encoding and Content-Length': [post('Transfer-Encoding: chunked', 'Content-Length: 5'), 400],
    'two Content-Lengths': [post('Content-Length: 5', 'Content-Length: 6'), 400],
    'two equal Content-Lengths': [post('Content-Length: 5', 'Content-Length: 5'), 400],
    'a list of Content-Lengths': [post('Content-Length: 5, 5'), 400],
    'a list of different Content-Lengths': [post('Content-Length: 5, 6'), 400],
    'a Content-Length with a space inside': [post('Content-Length: 5 5'), 400],
    'a Content-Length with leading zeros': [post('Content-Length: 005'), 400],
    'a Content-Length with a plus': [post('Content-Length: +5'), 400],
    'a negative Content-Length': [post('Content-Length: -1'), 400],
    'a hexadecimal Content-Length': [post('Content-Length: 0x5'), 400],
    'a Content-Length with an underscore': [post('Content-Length: 5_0'), 400],
    'a Content-Length beyond 2^64': [post('Content-Length: 18446744073709551617'), 400],
    'an empty Content-Length': [post('Content-Length:'), 400],
    'an unknown transfer coding': [post('Transfer-Encoding: xchunked'), [400, 501]],
    'chunked twice': [post('Transfer-Encoding: chunked, chunked'), [400, 501]],
    'two Transfer-Encoding lines': [post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), [400, 501]],
    'chunked with a parameter': [post('Transfer-Encoding: chunked;a=b'), [400, 501]],
    'chunked after a comma': [post('Transfer-Encoding: , chunked'), [400, 501]],
    'gzip, chunked': [post('Transfer-Encoding: gzip, chunked'), [400, 501]],
    identity: [post('Transfer-Encoding: identity'), [400, 501]],
    'an empty Transfer-Encoding beside a length': [post('Transfer-Encoding:', 'Content-Length: 5'), 400],
    'a tab before chunked\\x0b': [post('Transfer-Encoding: \x0bchunked'), [400, 501]],
    'a space before the colon': [post('Transfer-Encoding : chunked'), 400],
    'a folded line': [post('Transfer-Encoding:', ' chunked'), 400],
    'chunks under HTTP/1.0': [post('Transfer-Encoding: chunked').replace('HTTP/1.1', 'HTTP/1.0'), 400],
    'a chunk size with 0x': [post('Transfer-Encoding: chunked').replace('5\r\nhello', '0x5\r\nhello'), 400],
    'a chunk size with a plus': [post('Transfer-Encoding: chunked').replace('5\r\nhello', '+5\r\nhello'), 400],
    'a chunk size with a space before it': [
      post('Transfer-Encoding: chunked').replace('5\r\nhello', ' 5\r\nhello'),
      400,
    ],
    'a negative chunk size': [post('Transfer-Encoding: chunked').replace('5\r\nhello', '-5\r\nhello'), 400],
    'a chunk size with an underscore': [post('Transfer-Encoding: chunked').replace('5\r\nhello', '5_\r\nhello'), 400],
    'a chunk size with a space behind it': [
      post('Transfer-Encoding: chunked').replace('5\r\nhello', '5 \r\nhello'),
      400,
    ],
    'a chunk size beyond 2^53': [
      post('Transfer-Encoding: chunked').replace('5\r\nhello', '40000000000000\r\nhello'),
      [400, 408, 413],
    ],
    'a chunk size that ends in a bare carriage return': [
      post('Transfer-Encoding: chunked').replace('5\r\n', '5\r'),
      400,
    ],
    'a chunk without its line end': [post('Transfer-Encoding: chunked').replace('hello\r\n', 'hello'), 400],
    'a chunk size beyond 2^64': [
      post('Transfer-Encoding: chunked').replace('5\r\nhello', '10000000000000005\r\nhello'),
      400,
    ],
    'a chunk that is longer than it says': [post('Transfer-Encoding: chunked').replace('hello', 'helloXX'), 400],
    'a chunk that ends in a bare line feed': [post('Transfer-Encoding: chunked').replace('hello\r\n', 'hello\n'), 400],
    'a chunk size that ends in a bare line feed': [post('Transfer-Encoding: chunked').replace('5\r\n', '5\n'), 400],
    'a chunk extension of 20 kB': [
      post('Transfer-Encoding: chunked').replace('5\r\n', `5;${'x'.repeat(20_000)}\r\n`),
      [400, 413],
    ],
    'a trailer that says Content-Length': [
      post('Transfer-Encoding: chunked').replace('0\r\n\r\n', '0\r\nContent-Length: 5\r\n\r\n'),
      400,
    ],
  }
  for (const [what, [bytes, status]] of Object.entries(cases)) {
    test(what, () => rig.assertRefused(bytes + SMUGGLED, status))
  }

  for (const byte of ['\0', '\x01', '\x08', '\x0b', '\x0c', '\x1f', '\x7f', '\xa0', '\xff']) {
    const name = `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`
    test(`the byte ${name} before, inside or behind the name or the value of Transfer-Encoding`, async () => {
      for (const line of ['@Transfer-Encoding: chunked', 'Transfer-Encoding@: chunked', 'Transfer@-Encoding: chunked'])
        await rig.assertRefused(post(line.replace('@', byte)) + SMUGGLED, 400)
      for (const line of ['Transfer-Encoding: @chunked', 'Transfer-Encoding: chunked@', 'Transfer-Encoding: chun@ked'])
        await rig.assertRefused(post(line.replace('@', byte)) + SMUGGLED, [400, 501])
    })
  }

  test('the body of a request that is refused early never becomes a request', async () => {
    const lines = [`Content-Length: ${SMUGGLED.length}`, 'Content-Type: application/json', 'Idempotency-Key: a']
    const request = http('POST /v1/transfers HTTP/1.1', lines, SMUGGLED)
    await rig.assertRefused(request.slice(0, -1), 401) // it goes on, unread: the connection ends
    const socket = await openRawSocket(rig.platform.urls.edge)
    const sent = rig.upstream.requests.length
    socket.write(request)
    await socket.until((received) => statusesOf(received).length === 1)
    socket.write(http('GET /echo/next HTTP/1.1'))
    assert.deepEqual(statusesOf(await socket.until((received) => received.endsWith('/echo/next'))), [401, 200])
    assert.equal(rig.upstream.requests.length, sent + 1)
    socket.destroy()
    await rig.newDecisions(2)
  })

  for (const method of ['GET', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE']) {
    test(`a body on ${method}, with a length or in chunks, is refused and never becomes a request`, async () => {
      const start = `${method} /echo/a HTTP/1.1`
      const refuse = async (bytes: string) => {
        const { statuses, text } = await rig.attack(bytes)
        assert.deepEqual(statuses, [400], text)
      }
      await refuse(http(start, [`Content-Length: ${SMUGGLED.length}`], SMUGGLED))
      const chunked = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`
      await refuse(http(start, ['Transfer-Encoding: chunked'], chunked))
      assert.ok(!rig.upstream.requests.some((request) => request.includes('smuggled')))
    })
  }
})

describe('what is passed on is framed anew', () => {
  test('a chunked body arrives whole, with a length of our own and without extensions or trailers', async () => {
    const bytes = http(
      'POST /echo/chunks HTTP/1.1',
      ['Transfer-Encoding: chunked', 'Trailer: X-User-Id, Host'],
      '5;name=value\r\nhello\r\n1\r\n!\r\n0\r\nX-User-Id: root\r\nHost: other.test\r\nAuthorization: Bearer x\r\n\r\n',
    )
    const { statuses } = await rig.attack(bytes, 1)
    assert.deepEqual(statuses, [200])
    const request = rig.upstream.requests.at(-1) ?? ''
    assert.match(request, /^POST \/echo\/chunks HTTP\/1\.1\r\n/)
    assert.ok(request.endsWith('\r\n\r\nhello!'))
    assert.match(request, /content-length: 6\r\n/i)
    assert.doesNotMatch(request, /transfer-encoding|trailer|x-user-id|authorization|other\.test|name=value/i)
  })

  test('spaces and tabs around a length are not passed on', async () => {
    const { statuses } = await rig.attack(http('POST /echo/a HTTP/1.1', ['Content-Length: \t 5 \t'], 'hello'), 1)
    assert.deepEqual(statuses, [200])
    const request = rig.upstream.requests.at(-1) ?? ''
    assert.deepEqual([headersOf(request).get('content-length'), request.endsWith('\r\n\r\nhello')], ['5', true])
    assert.match(request, /content-length: 5\r\n/i)
  })

  test('three requests in one write are three, answered in order, each with its own decision', async () => {
    const sent = rig.upstream.requests.length
    const three = ['one', 'two', 'three'].map((name) => http(`GET /echo/${name} HTTP/1.1`)).join('')
    const { text } = await rig.attack(three, 3)
    assert.deepEqual(statusesOf(text), [200, 200, 200])
    assert.ok(
      text.indexOf('/echo/one') < text.indexOf('/echo/two') && text.indexOf('/echo/two') < text.indexOf('/echo/three'),
    )
    assert.equal(rig.upstream.requests.length, sent + 3)
    assert.equal((await rig.newDecisions(3)).length, 3)
  })

  test('a refused request in the middle closes the connection, and what follows it is not read', async () => {
    const sent = rig.upstream.requests.length
    const middle = http('GET /echo/two HTTP/1.1', ['Content-Length: 005'])
    const { statuses } = await rig.attack(http('GET /echo/one HTTP/1.1') + middle + SMUGGLED)
    assert.deepEqual(statuses, [200, 400])
    assert.equal(rig.upstream.requests.length, sent + 1)
  })

  test('bytes that are no request, behind a good one, are answered after it', async () => {
    const { statuses } = await rig.attack(`${http('GET /echo/one HTTP/1.1')}\0\0 no request\r\n\r\n`)
    assert.deepEqual(statuses, [200, 400])
  })

  test('after a refusal without a body the same socket goes on, and so does another', async () => {
    const socket = await openRawSocket(rig.platform.urls.edge)
    socket.write(http('GET /nowhere HTTP/1.1'))
    await socket.until((received) => statusesOf(received).length === 1)
    socket.write(http('GET /echo/after HTTP/1.1'))
    const text = await socket.until((received) => received.endsWith('/echo/after'))
    assert.deepEqual(statusesOf(text), [404, 200])
    socket.destroy()
    const other = await rig.attack(http('GET /echo/other HTTP/1.1'), 1)
    assert.deepEqual(other.statuses, [200])
  })

  test('a body, a chunk and a head that never end are cut off in time', async () => {
    const [body, chunk, head] = await Promise.all([
      rig.attack(http('POST /echo/slow HTTP/1.1', ['Content-Length: 100'], 'only this')),
      rig.attack(http('POST /echo/slow HTTP/1.1', ['Transfer-Encoding: chunked'], 'ff\r\nonly this')),
      rig.attack('GET /echo/slow HTTP/1.1\r\nHost: edge'),
    ])
    assert.deepEqual([body.statuses, chunk.statuses, head.statuses], [[408], [408], [408]])
  })
})
