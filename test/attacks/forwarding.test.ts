import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type AttackRig, http, startAttackRig } from '../support/attack-rig.ts'
import { openRawSocket, statusesOf } from '../support/raw-socket.ts'
import { headersOf } from '../support/recording-upstream.ts'

let rig: AttackRig
before(async () => {
  rig = await startAttackRig()
})
after(() => rig.close())

const get = (target: string, ...lines: string[]) => http(`GET ${target} HTTP/1.1`, lines)

const SPOOFED = [
  'X-Forwarded-For: 203.0.113.9',
  'X-Forwarded-Host: other.test',
  'X-Forwarded-Proto: https',
  'X-Forwarded-User: root',
  'X-Forwarded: for=203.0.113.9',
  'Forwarded: for=203.0.113.9',
  'X-Real-IP: 203.0.113.9',
  'X-Client-IP: 203.0.113.9',
  'True-Client-IP: 203.0.113.9',
  'X-Original-URL: /admin',
  'X-Original-URI: /admin',
  'X-Rewrite-URL: /admin',
  'X-HTTP-Method-Override: DELETE',
  'X-Middleware-Subrequest: middleware',
  'X-User-Id: root',
  'X-Auth-User: root',
  'X-Remote-User: root',
  'X-Client-Cert: MIIB',
  'Client-Cert: :MIIB:',
  'X-SSL-Client-Verify: SUCCESS',
  'Proxy: http://other.test',
  'X_Forwarded_For: 203.0.113.9',
  'Content_Length: 5',
  'Transfer_Encoding: chunked',
  'Tidegate-Passport: v1.a.b.c',
  'Tidegate-Receipt: rcp_forged',
  'Authorization: Bearer theirs',
]
const OURS = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'tidegate-receipt']

for (const [forwarder, target] of Object.entries({
  'the plain forwarder': '/echo/a',
  'the streaming one': '/stream',
})) {
  describe(`what reaches the upstream by ${forwarder}`, () => {
    const forwarded = async (...lines: string[]): Promise<ReadonlyMap<string, string>> => {
      const { statuses, text } = await rig.attack(get(target, ...lines), 1)
      assert.deepEqual(statuses, [200], text)
      return headersOf(rig.upstream.requests.at(-1) ?? '')
    }

    test('nothing that only we may say is taken from a client', async () => {
      const headers = await forwarded(...SPOOFED)
      assert.equal(headers.get('x-forwarded-for'), '127.0.0.1')
      assert.equal(headers.get('x-forwarded-host'), 'edge.test')
      assert.equal(headers.get('x-forwarded-proto'), 'http')
      assert.match(headers.get('tidegate-receipt') ?? '', /^rcp_(?!forged)/)
      for (const line of SPOOFED) {
        const name = line.slice(0, line.indexOf(':')).toLowerCase()
        if (!OURS.includes(name)) assert.equal(headers.get(name), undefined, name)
      }
      assert.equal(headers.get('host'), new URL(rig.upstream.url).host)
    })

    test('a trace goes on only with a context that is right to the letter', async () => {
      const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
      const right = await forwarded(`Traceparent: ${traceparent}`, 'Tracestate: a=1', 'Tracestate: b=2')
      assert.deepEqual([right.get('traceparent'), right.get('tracestate')], [traceparent, 'a=1, b=2'])
      const torn = await forwarded(`Traceparent: ${traceparent}`, `Traceparent: ${traceparent}`, 'Tracestate: a=1')
      assert.deepEqual([torn.get('traceparent'), torn.get('tracestate')], [undefined, undefined])
      const stated = await forwarded(`Traceparent: ${traceparent}`, 'Tracestate: A')
      assert.deepEqual([stated.get('traceparent'), stated.get('tracestate')], [traceparent, undefined])
    })

    test('what Connection names goes, and what we say ourselves stays', async () => {
      const own = ['X-Private: 1', 'X-Kept: 2', 'Keep-Alive: timeout=5', 'TE: trailers', 'Proxy-Connection: close']
      const headers = await forwarded('Connection: close, X-Private, X-Absent', ...own)
      assert.deepEqual([headers.get('x-private'), headers.get('x-kept')], [undefined, '2'])
      assert.equal(headers.get('x-forwarded-for'), '127.0.0.1')
      assert.match(headers.get('tidegate-receipt') ?? '', /^rcp_/)
      for (const name of ['keep-alive', 'te', 'proxy-connection']) assert.equal(headers.get(name), undefined)
    })

    test('an upgrade that no route allows is an ordinary request', async () => {
      const h2c = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']
      const headers = await forwarded(...h2c)
      for (const name of ['upgrade', 'http2-settings']) assert.equal(headers.get(name), undefined)
      const websocket = [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Key: a',
        'Sec-WebSocket-Version: 13',
      ]
      assert.equal((await forwarded(...websocket)).get('upgrade'), undefined)
    })

    test('bytes beyond ASCII in a value arrive as they were sent', async () => {
      const headers = await forwarded('X-Name: caf\xe9 \x80\xff')
      assert.equal(headers.get('x-name'), 'caf\xe9 \x80\xff')
    })

    test('a header that stands twice arrives as the one list that the rules were shown', async () => {
      const headers = await forwarded('Cookie: a=1', 'X-List: a', 'Cookie: b=2', 'X-List: b', 'X-List:')
      assert.deepEqual([headers.get('cookie'), headers.get('x-list')], ['a=1; b=2', 'a, b'])
    })

    test('Expect is answered here and not forwarded, and changes nothing of the rest', async () => {
      const { text } = await rig.attack(get(target, ...SPOOFED, 'X-Kept: 1', 'Expect: 100-continue'), 1)
      assert.equal(statusesOf(text).at(-1), 200, text)
      const headers = headersOf(rig.upstream.requests.at(-1) ?? '')
      assert.deepEqual([headers.get('x-kept'), headers.get('x-forwarded-for')], ['1', '127.0.0.1'])
      for (const name of ['authorization', 'x-user-id', 'tidegate-passport', 'x-real-ip', 'expect'])
        assert.equal(headers.get(name), undefined, name)
    })
  })
}

describe('what reaches the upstream', () => {
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

  test('an upgrade on POST is an ordinary request, with its body', async () => {
    const lines = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']
    const { statuses } = await rig.attack(http('POST /echo/h2c HTTP/1.1', [...lines, 'Content-Length: 5'], 'hello'), 1)
    assert.deepEqual(statuses, [200])
    const request = rig.upstream.requests.at(-1) ?? ''
    assert.deepEqual([headersOf(request).get('upgrade'), request.endsWith('\r\n\r\nhello')], [undefined, true])
  })
})
