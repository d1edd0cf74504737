import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
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

const get = (target: string, ...lines: string[]) => http(`GET ${target} HTTP/1.1`, lines)
const withHost = (...lines: string[]) => `GET /echo/a HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`

describe('a head that two servers could read differently is refused', () => {
  const cases: Record<string, readonly [bytes: string, status: number | readonly number[]]> = {
    'no Host': [withHost(), 400],
    'an empty Host': [withHost('Host:'), 400],
    'two Hosts': [withHost('Host: edge.test', 'Host: other.test'), 400],
    'the same Host twice': [withHost('Host: edge.test', 'Host: edge.test'), 400],
    'a list of Hosts': [withHost('Host: edge.test, other.test'), 400],
    'a Host with user information': [withHost('Host: user@edge.test'), 400],
    'a Host with a path': [withHost('Host: edge.test/admin'), 400],
    'a Host with a bad port': [withHost('Host: edge.test:port'), 400],
    'a target of another authority': [get('http://other.test/echo/a'), 400],
    'a target of another scheme': [get('https://edge.test/echo/a'), 400],
    'a target without a slash': [get('echo/a'), 400],
    'the authority form on GET': [get('edge.test:80'), 400],
    'an asterisk': [http('OPTIONS * HTTP/1.1'), 400],
    'a fragment': [get('/echo/a#b'), 400],
    'two slashes at the start': [get('//other.test/echo/a'), 400],
    'two slashes inside': [get('/echo//a'), 400],
    'a backslash': [get('/echo/..\\admin'), 400],
    'dot segments': [get('/echo/../admin'), 400],
    'a single dot': [get('/echo/./a'), 400],
    'encoded dots': [get('/echo/%2e%2e/admin'), 400],
    'dots encoded twice': [get('/echo/%252e%252e/admin'), 400],
    'an encoded slash': [get('/echo%2fadmin'), 400],
    'an encoded backslash': [get('/echo/%5cadmin'), 400],
    'an encoded NUL': [get('/echo/a%00'), 400],
    'encoded line ends': [get('/echo/a%0d%0aX-Header:1'), 400],
    'encoded line ends in the query': [get('/echo/a?b=%0d%0aX-Header:1'), 400],
    'an encoding of what needs none': [get('/echo/%61'), 400],
    'overlong UTF-8': [get('/echo/%c0%af'), 400],
    'half an encoding': [get('/echo/%2'), 400],
    'a path parameter': [get('/echo/a;jsessionid=1'), 400],
    'path parameters that climb': [get('/echo/..;/admin'), 400],
    'a tab in the target': [get('/echo/a\tb'), 400],
    'raw UTF-8 in the target': [get('/echo/\xc3\xa9'), 400],
    'a folded header': [get('/echo/a', 'X-A: b', ' c'), 400],
    'a NUL in a value': [get('/echo/a', 'X-A: b\0c'), 400],
    'a bare CR in a value': [get('/echo/a', 'X-A: b\rc'), 400],
    'a header without a colon': [get('/echo/a', 'X-A'), 400],
    'a header without a name': [get('/echo/a', ': b'), 400],
    'a space before the colon': [get('/echo/a', 'X-A : b'), 400],
    'two Authorization lines': [get('/echo/a', 'Authorization: Bearer a', 'Authorization: Bearer b'), 400],
    'two Content-Types': [get('/echo/a', 'Content-Type: text/plain', 'Content-Type: application/json'), 400],
    'two Idempotency-Keys': [get('/echo/a', 'Idempotency-Key: a', 'Idempotency-Key: a'), 400],
    '1,100 headers': [get('/echo/a', ...Array.from({ length: 1_100 }, (_, n) => `x${n}: 1`)), 431],
    '101 headers': [get('/echo/a', ...Array.from({ length: 100 }, (_, n) => `x${n}: 1`)), 431],
    'a header block of 20 kB': [get('/echo/a', `X-A: ${'a'.repeat(20_000)}`), 431],
    'a target of 9,000 characters': [get(`/echo/${'a'.repeat(9_000)}`), 414],
    'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 501, 505]],
    'HTTP/0.9': ['GET /echo/a\r\n\r\n', 400],
    'a version that is none': [get('/echo/a').replace('HTTP/1.1', 'HTTP/9.9'), [400, 505]],
    'a method in lower case': [get('/echo/a').replace('GET', 'get'), [400, 405, 501]],
  }
  for (const [what, [bytes, status]] of Object.entries(cases)) {
    test(what, () => rig.assertRefused(bytes, status))
  }

  for (const start of ['TRACE /echo/a', 'PATCH /echo/a', 'PUT /echo/a', 'QUERY /echo/a']) {
    test(`the method of ${start} is not one the route takes`, async () => {
      const { statuses, text } = await rig.attack(http(`${start} HTTP/1.1`), 1)
      assert.deepEqual(statuses, [405], text)
      assert.match(text, /allow: DELETE, GET, OPTIONS, POST/i)
    })
  }

  test('CONNECT is never a tunnel', async () => {
    const { statuses } = await rig.attack(http('CONNECT other.test:443 HTTP/1.1'), 1)
    assert.deepEqual(statuses, [501])
    await rig.attack(get('/echo/after'), 1)
  })

  test('CONNECT by clients that reset at once ends their connections and nothing else', async () => {
    const { hostname, port } = new URL(rig.platform.urls.edge)
    const crashes: Error[] = []
    const crashed = (error: Error): number => crashes.push(error)
    process.on('uncaughtExceptionMonitor', crashed) // a process of its own would have ended
    for (let client = 0; client < 30; client++) {
      const socket = connect(Number(port), hostname).on('error', () => {})
      await once(socket, 'connect')
      socket.write(http('CONNECT other.test:443 HTTP/1.1'))
      await new Promise(setImmediate)
      socket.resetAndDestroy()
    }
    await rig.newDecisions(1)
    const { statuses } = await rig.attack(get('/echo/after'), 1)
    process.off('uncaughtExceptionMonitor', crashed)
    assert.deepEqual([statuses, crashes], [[200], []])
  })

  test('the canonical form is the only one: case, slash and dot at the end name other routes', async () => {
    for (const target of ['/ECHO/a', '/v1/transfers/', '/v1/transfers.', '/v1/transfers%20']) {
      const { statuses } = await rig.attack(get(target), 1)
      assert.deepEqual(statuses, [404], target)
    }
  })
})

describe('what reaches the upstream', () => {
  const forwarded = async (...lines: string[]): Promise<ReadonlyMap<string, string>> => {
    const { statuses, text } = await rig.attack(get('/echo/a', ...lines), 1)
    assert.deepEqual(statuses, [200], text)
    return headersOf(rig.upstream.requests.at(-1) ?? '')
  }
  const SPOOFED = [
    'X-Forwarded-For: 203.0.113.9',
    'X-Forwarded-Host: other.test',
    'X-Forwarded-Proto: https',
    'X-Forwarded-User: root',
    'Forwarded: for=203.0.113.9',
    'X-Real-IP: 203.0.113.9',
    'X-Original-URL: /admin',
    'X-Rewrite-URL: /admin',
    'X-HTTP-Method-Override: DELETE',
    'X-Middleware-Subrequest: middleware',
    'X-User-Id: root',
    'X-Auth-User: root',
    'X_Forwarded_For: 203.0.113.9',
    'Content_Length: 5',
    'Tidegate-Passport: v1.a.b.c',
    'Tidegate-Receipt: rcp_forged',
    'Authorization: Bearer theirs',
  ]

  test('nothing that only we may say is taken from a client', async () => {
    const headers = await forwarded(...SPOOFED)
    assert.equal(headers.get('x-forwarded-for'), '127.0.0.1')
    assert.equal(headers.get('x-forwarded-host'), 'edge.test')
    assert.equal(headers.get('x-forwarded-proto'), 'http')
    assert.match(headers.get('tidegate-receipt') ?? '', /^rcp_(?!forged)/)
    const ours = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'tidegate-receipt']
    for (const line of SPOOFED) {
      const name = line.slice(0, line.indexOf(':')).toLowerCase()
      if (!ours.includes(name)) assert.equal(headers.get(name), undefined, name)
    }
    assert.equal(headers.get('host'), new URL(rig.upstream.url).host)
  })

  test('what Connection names goes, but not what we say ourselves', async () => {
    const named = 'Connection: close, X-Private, X-Forwarded-For, Tidegate-Receipt, Host'
    const headers = await forwarded(named, 'X-Private: 1', 'X-Kept: 2', 'Keep-Alive: timeout=5', 'TE: trailers')
    assert.equal(headers.get('x-private'), undefined)
    assert.equal(headers.get('x-kept'), '2')
    assert.equal(headers.get('x-forwarded-for'), '127.0.0.1')
    assert.match(headers.get('tidegate-receipt') ?? '', /^rcp_/)
    for (const name of ['keep-alive', 'te', 'proxy-connection']) assert.equal(headers.get(name), undefined)
  })

  test('an upgrade that no route allows is an ordinary request', async () => {
    const h2c = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']
    const headers = await forwarded(...h2c)
    for (const name of ['upgrade', 'http2-settings']) assert.equal(headers.get(name), undefined)
    const websocket = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: a', 'Sec-WebSocket-Version: 13']
    assert.equal((await forwarded(...websocket)).get('upgrade'), undefined)
  })

  test('a target in absolute form is forwarded in origin form', async () => {
    const { statuses } = await rig.attack(get('http://edge.test/echo/absolute?a=b'), 1)
    assert.deepEqual(statuses, [200])
    assert.match(rig.upstream.requests.at(-1) ?? '', /^GET \/echo\/absolute\?a=b HTTP\/1\.1\r\n/)
  })

  test('names with a meaning to JavaScript confuse nobody', async () => {
    for (const name of ['__proto__', 'constructor', 'prototype', 'hasOwnProperty']) {
      const { statuses, text } = await rig.attack(get(`/echo/a?${name}=1`, `${name}: 1`), 1)
      assert.ok([200, 403].includes(statuses[0] ?? 0), text) // a rule that can't read it refuses it
    }
    assert.deepEqual((await rig.attack(get('/echo/a'), 1)).statuses, [200])
  })

  test('100 Continue is sent once the head has passed, and Expect is not forwarded', async () => {
    const socket = await openRawSocket(rig.platform.urls.edge)
    socket.write(http('POST /echo/expect HTTP/1.1', ['Content-Length: 5', 'Expect: 100-continue']))
    await socket.until((received) => received.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))
    socket.write('hello')
    await socket.until((received) => received.endsWith('/echo/expect'))
    socket.destroy()
    const request = rig.upstream.requests.at(-1) ?? ''
    assert.ok(request.endsWith('hello'))
    assert.equal(headersOf(request).get('expect'), undefined)
  })

  test('no 100 Continue under HTTP/1.0, which does not know it, nor for another expectation', async () => {
    const post = http('POST /echo/a HTTP/1.1', ['Content-Length: 5', 'Expect: 100-continue'], 'hello')
    assert.deepEqual((await rig.attack(post.replace('HTTP/1.1', 'HTTP/1.0'))).statuses, [200])
    assert.deepEqual((await rig.attack(post.replace('100-continue', 'a-coffee'), 1)).statuses, [200])
  })

  test('no 100 Continue for a request that is refused by its head', async () => {
    const lines = ['Content-Length: 5', 'Expect: 100-continue']
    const { statuses } = await rig.attack(http('POST /v1/transfers HTTP/1.1', lines))
    assert.deepEqual(statuses, [401])
  })

  test('the streaming forwarder strips the same, also where the client sends Expect', async () => {
    const { text } = await rig.attack(get('/stream', ...SPOOFED, 'X-Kept: 1', 'Expect: 100-continue'), 1)
    assert.equal(statusesOf(text).at(-1), 200, text)
    const headers = headersOf(rig.upstream.requests.at(-1) ?? '')
    assert.deepEqual([headers.get('x-kept'), headers.get('x-forwarded-for')], ['1', '127.0.0.1'])
    for (const name of ['authorization', 'x-user-id', 'tidegate-passport', 'x-real-ip', 'expect'])
      assert.equal(headers.get(name), undefined, name)
  })

  for (const [what, answer] of Object.entries({
    'two Content-Lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'a length and chunks': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'no HTTP': 'hello, I am no HTTP server\r\n\r\n',
    'an upgrade nobody asked for': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  })) {
    test(`an upstream that answers with ${what} is 502, and the next request works`, async () => {
      rig.upstream.answerWith(() => answer)
      const { statuses, text } = await rig.attack(get('/echo/odd'), 1)
      rig.upstream.answerWith(null)
      assert.deepEqual(statuses, [502], text)
      assert.deepEqual((await rig.attack(get('/echo/next'), 1)).statuses, [200])
    })
  }

  test('an upstream can not speak in our name', async () => {
    const lies =
      'HTTP/1.1 200 OK\r\nTidegate-Receipt: rcp_lie\r\nServer: x/1\r\nX-Powered-By: y\r\nX-Frame-Options: ALLOWALL'
    rig.upstream.answerWith(() => `${lies}\r\nContent-Length: 0\r\n\r\n`)
    const { text } = await rig.attack(get('/echo/lies'), 1)
    rig.upstream.answerWith(null)
    assert.doesNotMatch(text, /rcp_lie|server: x|x-powered-by/i)
  })
})
