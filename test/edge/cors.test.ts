import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { readCors } from '../../src/edge/cors.ts'
import type { CorsConfig } from '../../src/platform/config-schema.ts'
import { http } from '../support/attack-rig.ts'
import { type EdgeCalls, edgeCalls, eventually } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'
import { openRawSocket } from '../support/raw-socket.ts'
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.ts'

const APP = 'https://app.example'
const OTHER = 'https://other.example'
const CORS = `  cors: { origins: ["${APP}"] }\n`

let upstream: RecordingUpstream
let platform: TestPlatform
let calls: EdgeCalls
before(async () => {
  upstream = await startRecordingUpstream()
  const recorder = `  recorder: { url: "${upstream.url}", timeout_ms: 2000, running_max: 100 }\n`
  const shared = 'upstream: recorder, authenticate: none, tags: [public]'
  const own = `cors: { origins: ["${OTHER}"], methods: [GET], headers: [X-Own], max_age_s: 5, credentials: true }`
  const routes = `  - { id: own, path: /own, methods: [GET, POST, OPTIONS], ${shared}, ${own} }
  - { id: open, path: /open, methods: [GET], ${shared}, cors: { origins: ["*"] } }
  - { id: stream, path: /stream, methods: [GET], ${shared}, stream: true }\n`
  platform = await startTestPlatform({
    config: (text) =>
      text
        .replace('  limits:\n', `${CORS}  limits:\n`)
        .replace('upstreams:\n', `upstreams:\n${recorder}`)
        .replace('routes:\n', `routes:\n${routes}`),
  })
  calls = edgeCalls(platform)
})
after(async () => {
  await platform.close()
  await upstream.close()
})

/** Asks as a browser does before it sends. */
async function ask(target: string, origin: string, method: string, names?: string) {
  const lines = [`Origin: ${origin}`, `Access-Control-Request-Method: ${method}`, 'Connection: close']
  if (names !== undefined) lines.push(`Access-Control-Request-Headers: ${names}`)
  const socket = await openRawSocket(platform.urls.edge)
  socket.write(http(`OPTIONS ${target} HTTP/1.1`, lines))
  return parse(await socket.closed())
}

function parse(text: string) {
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const lines = head.split('\r\n').slice(1)
  const pairs = lines.map((line) => /^([^:]+): (.*)$/.exec(line) ?? [])
  const headers = Object.fromEntries(pairs.map(([, name = '', value]) => [name.toLowerCase(), value]))
  return { status: Number(head.split(' ')[1]), headers, body }
}

const allowed = (headers: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-')))

describe('a preflight', () => {
  test('of a listed origin is answered without a token, and nothing is sent on', async () => {
    const sent = upstream.received()
    const { status, headers, body } = await ask('/v1/transfers', APP, 'POST', 'authorization, Idempotency-Key')
    assert.deepEqual([status, body], [204, ''])
    assert.equal(headers['access-control-allow-origin'], APP)
    assert.equal(headers['access-control-allow-methods'], 'POST')
    assert.match(headers['access-control-allow-headers'] ?? '', /authorization.*idempotency-key/)
    assert.equal(headers['access-control-max-age'], '600')
    assert.equal(headers['access-control-allow-credentials'], undefined)
    assert.equal(headers['vary'], 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers')
    assert.equal(upstream.received(), sent)
    const receipt = headers['tidegate-receipt'] ?? ''
    const { body: kept } = await eventually('the receipt', async () => {
      const answer = await calls.operate('operator', 'GET', `/v1/receipts/${receipt}`)
      return answer.status === 200 && answer
    })
    assert.deepEqual([kept.method, kept.route, kept.status], ['OPTIONS', 'transfers.create', 204])
  })

  for (const origin of [OTHER, 'null', `${APP}.evil.example`, 'http://app.example', `${APP}:8443`, APP.toUpperCase()]) {
    test(`of ${origin} is refused, and no header says otherwise`, async () => {
      const { status, headers, body } = await ask('/v1/transfers', origin, 'POST')
      assert.deepEqual([status, JSON.parse(body).code, allowed(headers)], [403, 'cors_denied', {}])
      assert.equal(headers['vary'], 'Origin')
    })
  }

  test('for a header or method that is not listed is refused', async () => {
    assert.equal((await ask('/v1/transfers', APP, 'POST', 'authorization, x-other')).status, 403)
    assert.equal((await ask('/own', OTHER, 'POST')).status, 403)
    assert.equal((await ask('/v1/transfers', APP, 'DELETE')).status, 405)
    assert.equal((await ask('/nowhere', APP, 'GET')).status, 404)
  })

  test('is decided by the route where it says something itself', async () => {
    const { status, headers } = await ask('/own', OTHER, 'GET', 'X-OWN')
    assert.equal(status, 204)
    const { 'access-control-expose-headers': _exposed, ...rest } = allowed(headers)
    assert.deepEqual(rest, {
      'access-control-allow-origin': OTHER,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'x-own',
      'access-control-max-age': '5',
    })
    assert.equal((await ask('/own', APP, 'GET')).status, 403)
    assert.equal((await ask('/open', 'https://any.example', 'GET')).headers['access-control-allow-origin'], '*')
  })

  test('passes the firewall first', async () => {
    const lines = [`Origin: ${APP}`, 'Access-Control-Request-Method: POST', 'User-Agent: sqlmap', 'Connection: close']
    const socket = await openRawSocket(platform.urls.edge)
    socket.write(http('OPTIONS /v1/transfers HTTP/1.1', lines))
    const { status, body } = parse(await socket.closed())
    assert.deepEqual([status, JSON.parse(body).code], [403, 'firewall_denied'])
  })

  test('is none without an origin or a method asked about: the route takes OPTIONS itself, or not', async () => {
    for (const line of [`Origin: ${OTHER}`, 'Access-Control-Request-Method: GET']) {
      for (const [target, expected] of Object.entries({ '/own': 200, '/v1/transfers': 405 })) {
        const socket = await openRawSocket(platform.urls.edge)
        socket.write(http(`OPTIONS ${target} HTTP/1.1`, [line, 'Connection: close']))
        assert.equal(parse(await socket.closed()).status, expected)
      }
    }
  })
})

describe('the answer to a page', () => {
  test('of a listed origin may be read by it, refusals too, with receipt and quotas', async () => {
    const headers = { origin: APP }
    const answers = [
      await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice', { headers }),
      await calls.call(null, 'GET', '/v1/accounts/acc_alice', { headers }),
      await calls.call('mem_alice', 'GET', '/stream', { headers }),
    ]
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 401, 200],
    )
    for (const { headers: got } of answers) {
      assert.equal(got['access-control-allow-origin'], APP)
      assert.match(got['access-control-expose-headers'] ?? '', /Tidegate-Receipt, RateLimit, RateLimit-Policy/)
      assert.equal(got['vary'], 'Origin')
    }
  })

  test('of another origin, or of none, says nothing but that it varies', async () => {
    for (const headers of [{ origin: OTHER }, { origin: 'null' }, {}]) {
      const answer = await calls.call('mem_alice', 'GET', '/v1/accounts/acc_alice', { headers })
      assert.deepEqual([answer.status, allowed(answer.headers), answer.headers['vary']], [200, {}, 'Origin'])
    }
  })

  test('is not opened by the upstream, whose own Vary is kept', async () => {
    const lies = 'Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\nVary: Accept'
    upstream.answerWith(() => `HTTP/1.1 200 OK\r\n${lies}\r\nContent-Length: 0\r\n\r\n`)
    for (const target of ['/open', '/stream']) {
      const { headers } = await calls.call(null, 'GET', target, { headers: { origin: OTHER } })
      assert.equal(headers['access-control-allow-credentials'], undefined)
      assert.equal(headers['access-control-allow-origin'], target === '/open' ? '*' : undefined)
      assert.deepEqual((headers['vary'] ?? '').split(', ').sort(), ['Accept', 'Origin'])
    }
    upstream.answerWith(null)
  })
})

describe('a configuration of origins', () => {
  test('says nothing as shipped', async () => {
    const shipped = await startTestPlatform()
    try {
      const answer = await edgeCalls(shipped).call('mem_bob', 'GET', '/v1/accounts/acc_bob', {
        headers: { origin: APP },
      })
      assert.deepEqual([answer.status, allowed(answer.headers), answer.headers['vary']], [200, {}, undefined])
    } finally {
      await shipped.close()
    }
  })

  const bad: Record<string, CorsConfig> = {
    'every origin with credentials': { origins: ['*'], credentials: true },
    'an origin with a path': { origins: ['https://app.example/'] },
    'an origin in capitals': { origins: ['https://App.example'] },
    'an origin with its own port': { origins: ['https://app.example:443'] },
    'a pattern': { origins: ['https://*.example'] },
    'an origin that anyone has': { origins: ['null'] },
  }
  for (const [what, config] of Object.entries(bad))
    test(`is refused at the start: ${what}`, () => assert.throws(() => readCors(config), /^Error: cors: /))
})
