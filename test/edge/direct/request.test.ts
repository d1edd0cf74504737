import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { readDirectRequest } from '../../../src/edge/direct/request.ts'
import { openRawSocket, statusesOf } from '../../support/raw-socket.ts'

const HEAD_BYTES_MAX = 2_048
const GET = 'GET /v1/accounts?limit=10 HTTP/1.1\r\nHost: edge.test\r\nX-Odd: 1\r\n'
const POST = 'POST /v1/transfers HTTP/1.1\r\nhost: edge.test\r\n'
const read = (text: string) => readDirectRequest(Buffer.from(text, 'latin1'), HEAD_BYTES_MAX)

test('a request in one piece is read, its names in lower case', () => {
  const asked = read(`${GET}aUTHORIZATION:Bearer a b\r\nConnection: Keep-Alive\r\nempty:\r\n\r\n`)
  assert.deepEqual(asked, {
    ...{ method: 'GET', target: '/v1/accounts?limit=10', body: Buffer.alloc(0) },
    headerLines: [
      ...['host', 'edge.test', 'x-odd', '1', 'authorization', 'Bearer a b', 'connection', 'Keep-Alive', 'empty', ''],
    ],
  })
  assert.equal(read(`${POST}content-length: 4\r\n\r\n{"a}`)?.body.toString(), '{"a}')
  assert.equal(read(`${POST}CONTENT-LENGTH: 0\r\n\r\n`)?.body.length, 0)
})

test('a head may take just so many bytes', () => {
  const ofBytes = (bytes: number): string => `${GET}a: ${'b'.repeat(bytes - GET.length - 3)}\r\n\r\n`
  assert.notEqual(read(ofBytes(HEAD_BYTES_MAX)), null)
  assert.equal(read(ofBytes(HEAD_BYTES_MAX + 1)), null)
})

describe('goes to Node:', () => {
  const odd: Readonly<Record<string, string>> = {
    'half a head': GET,
    'a body of which a byte is missing': `${POST}content-length: 5\r\n\r\n{"a}`,
    'a byte behind the body': `${POST}content-length: 3\r\n\r\n{"a}`,
    'a second request behind the first': `${GET}\r\n${GET}\r\n`,
    'a body without a length': `${POST}\r\n{}`,
    'two lengths': `${POST}content-length: 2\r\nContent-Length: 2\r\n\r\n{}`,
    'a length with a sign': `${POST}content-length: +2\r\n\r\n{}`,
    'a length with a zero before it': `${POST}content-length: 02\r\n\r\n{}`,
    'a length in hexadecimal': `${POST}content-length: 0x2\r\n\r\n{}`,
    'a list of lengths': `${POST}content-length: 2, 2\r\n\r\n{}`,
    'an empty length': `${POST}content-length:\r\n\r\n`,
    'a transfer coding': `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'a transfer coding in odd letters': `${POST}tRANSFER-eNCODING: identity\r\n\r\n`,
    'who waits for 100': `${POST}Expect: 100-continue\r\ncontent-length: 2\r\n\r\n{}`,
    'an upgrade': `${GET}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
    'a protocol that is offered, and not asked for': `${GET}Upgrade: h2c\r\n\r\n`,
    'a trailer that is announced': `${GET}Trailer: x-odd\r\n\r\n`,
    'codings that are taken': `${GET}TE: trailers\r\n\r\n`,
    'how long a connection is to be kept': `${GET}Keep-Alive: timeout=5\r\n\r\n`,
    'a connection to a proxy': `${GET}Proxy-Connection: keep-alive\r\n\r\n`,
    'who wants the connection closed': `${GET}Connection: close\r\n\r\n`,
    'who names headers in Connection': `${GET}Connection: keep-alive, x-odd\r\n\r\n`,
    'HTTP/1.0': 'GET / HTTP/1.0\r\n\r\n',
    'HTTP/1.2': 'GET / HTTP/1.2\r\n\r\n',
    'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'another method': 'PURGE / HTTP/1.1\r\nhost: a\r\n\r\n',
    'a method that nobody serves': 'TRACE / HTTP/1.1\r\nhost: a\r\n\r\n',
    'a method in lower case': 'get / HTTP/1.1\r\nhost: a\r\n\r\n',
    'a target in absolute form': 'GET http://edge.test/ HTTP/1.1\r\nhost: edge.test\r\n\r\n',
    'the asterisk': 'OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n',
    'a fragment': 'GET /a#b HTTP/1.1\r\nhost: a\r\n\r\n',
    'two spaces before the target': 'GET  / HTTP/1.1\r\nhost: a\r\n\r\n',
    'a tab before the version': 'GET /\tHTTP/1.1\r\nhost: a\r\n\r\n',
    'an empty line before the request': `\r\n${GET}\r\n`,
    'a line that ends in LF alone': `${GET}a: b\n\r\n`,
    'a line that ends in CR alone': `${GET}a: b\rc: d\r\n\r\n`,
    'LF before CR': `${GET}a: b\n\r\r\n\r\n`,
    'a folded line': `${GET}a: b\r\n c\r\n\r\n`,
    'a space before the colon': `${GET}a : b\r\n\r\n`,
    'a line without a colon': `${GET}ab\r\n\r\n`,
    'a line without a name': `${GET}: b\r\n\r\n`,
    'a name that is no token': `${GET}a(b): c\r\n\r\n`,
    'two spaces before a value': `${GET}a:  b\r\n\r\n`,
    'a space behind a value': `${GET}a: b \r\n\r\n`,
    'a tab in a value': `${GET}a: b\tc\r\n\r\n`,
    'NUL in a value': `${GET}a: b\0c\r\n\r\n`,
    'DEL in a value': `${GET}a: b\x7fc\r\n\r\n`,
    'a value beyond ASCII': `${GET}a: \xe9\r\n\r\n`,
    'a head without an end': `${GET}a: b\r\n`,
    'a head that is too long': `${GET}a: ${'b'.repeat(HEAD_BYTES_MAX)}\r\n\r\n`,
  }
  for (const [name, text] of Object.entries(odd)) test(name, () => assert.equal(read(text), null))

  test('every request that was cut short', () => {
    const whole = `${POST}content-length: 4\r\n\r\n{"a}`
    for (let length = 0; length < whole.length; length++) assert.equal(read(whole.slice(0, length)), null)
  })
})

describe('beside Node', () => {
  type Seen = {
    readonly method: string
    readonly target: string
    readonly headerLines: string[]
    readonly body: string
  }
  const seen: Promise<Seen>[] = []
  const see = async (request: IncomingMessage): Promise<Seen> => {
    const headerLines = request.rawHeaders.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text))
    const body = Buffer.concat(await request.toArray()).toString('latin1')
    return { method: request.method ?? '', target: request.url ?? '', headerLines, body }
  }
  const server = createServer({ requireHostHeader: false, optimizeEmptyRequests: true }, async (request, response) => {
    const seeing = see(request)
    seen.push(seeing)
    await seeing
    response.end()
  })
  server.maxHeadersCount = 0
  const listening = once(server.listen(0, '127.0.0.1'), 'listening')
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const NEXT = 'DELETE /next HTTP/1.1\r\nhost: next\r\n\r\n'

  /** What Node makes of the bytes with another request behind them. */
  async function byNode(text: string): Promise<readonly Seen[]> {
    await listening
    const socket = await openRawSocket(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    socket.write(Buffer.from(text + NEXT, 'latin1'))
    await socket.until((received) => statusesOf(received).length === 2)
    socket.destroy()
    return Promise.all(seen.splice(0))
  }

  const value = fc.string({ unit: fc.constantFrom(...'aZ09 !"#%&()*+,-./:;<=>?@[]^_`{|}~\''), maxLength: 20 })
  const name = fc.oneof(
    fc.constantFrom('Host', 'host', 'AUTHORIZATION', 'Accept', 'cookie', 'Keep-Alive', 'TE', 'x_y', "a!#$%&'*+-.^`|~"),
    fc.string({ unit: fc.constantFrom(...'abcXYZ019-_'), minLength: 1, maxLength: 12 }),
  )
  const line = fc.tuple(name, fc.constantFrom(': ', ': ', ':'), value)
  const anyRequest = fc
    .record({
      method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
      path: fc.string({ unit: fc.constantFrom(...'aZ0/?&=%.;!"$\'()*+,-:<>@[\\]^_`{|}~'), maxLength: 20 }),
      lines: fc.array(line, { maxLength: 6 }),
      body: fc.option(fc.string({ unit: fc.constantFrom(...'a{}"\r\n \0'), maxLength: 30 })),
    })
    .map(({ method, path, lines, body }) => {
      const length = body === null ? '' : `Content-Length: ${body.length}\r\n`
      const head = lines.map((each) => `${each.join('')}\r\n`).join('')
      return `${method} /${path} HTTP/1.1\r\n${head}${length}\r\n${body ?? ''}`
    })

  async function assertSame(text: string): Promise<boolean> {
    const asked = read(text)
    if (asked === null) return false
    const [first, next, ...others] = await byNode(text)
    assert.deepEqual(first, { ...asked, body: asked.body.toString('latin1') })
    assert.equal(next?.target, '/next')
    assert.deepEqual(others, [])
    return true
  }

  test('what is read here Node reads, and the same in it', async () => {
    let direct = 0
    await fc.assert(
      fc.asyncProperty(anyRequest, async (text) => void ((await assertSame(text)) && direct++)),
      { numRuns: 500 },
    )
    assert.ok(direct > 100, `${direct} were read here`)
  })

  test('and where it was spoilt', async () => {
    const spoilt = fc.tuple(anyRequest, fc.nat(), fc.constantFrom(...'\r\n\t :;,0159afx"\0\x7f\xe9'), fc.nat(2))
    let direct = 0
    await fc.assert(
      fc.asyncProperty(spoilt, async ([text, place, character, taken]) => {
        const at = place % text.length
        if (await assertSame(text.slice(0, at) + character + text.slice(at + taken))) direct++
      }),
      { numRuns: 1_000 },
    )
    assert.ok(direct > 50, `${direct} were read here`)
  })
})
