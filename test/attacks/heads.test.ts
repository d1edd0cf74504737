import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import { type AttackRig, http, startAttackRig } from '../support/attack-rig.ts'

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
    'a method with an underscore': [get('/echo/a').replace('GET', 'GET_'), [400, 405, 501]],
    'an asterisk on GET': [http('GET * HTTP/1.1'), 400],
    'a target that starts with an at sign': [get('@other.test/echo/a'), 400],
    'a backslash at the start': [get('/\\other.test/echo/a'), 400],
    'Connection that names Authorization': [get('/echo/a', 'Connection: close, Authorization'), 400],
    'Connection that names Idempotency-Key': [get('/echo/a', 'Connection: idempotency-key'), 400],
    'Connection that names Content-Length': [get('/echo/a', 'Connection: keep-alive, CONTENT-LENGTH'), 400],
    'Connection that names a forwarding header': [
      get('/echo/a', 'Connection: close', 'Connection: X-Forwarded-For'),
      400,
    ],
    'Connection that names our own header': [get('/echo/a', 'Connection: Tidegate-Passport'), 400],
    '101 query parameters': [get(`/echo/a?${'a&'.repeat(100)}`), 400],
  }
  for (const [what, [bytes, status]] of Object.entries(cases)) {
    test(what, () => rig.assertRefused(bytes + get('/echo/smuggled'), status))
  }

  for (const start of ['TRACE /echo/a', 'PATCH /echo/a', 'PUT /echo/a', 'QUERY /echo/a']) {
    test(`the method of ${start} is not one the route takes`, async () => {
      const { statuses, text } = await rig.attack(http(`${start} HTTP/1.1`), 1)
      assert.deepEqual(statuses, [405], text)
      assert.match(text, /allow: DELETE, GET, HEAD, OPTIONS, POST/i)
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

  test('another method in the query, also encoded, is refused', async () => {
    for (const query of ['_method=DELETE', 'a=b&_method=DELETE', '%5Fmethod=DELETE'])
      assert.deepEqual((await rig.attack(get(`/echo/a?${query}`), 1)).statuses, [400], query)
  })

  test('the canonical form is the only one: case, slash and dot at the end name other routes', async () => {
    for (const target of ['/ECHO/a', '/v1/transfers/', '/v1/transfers.', '/v1/transfers%20']) {
      const { statuses } = await rig.attack(get(target), 1)
      assert.deepEqual(statuses, [404], target)
    }
  })
})
