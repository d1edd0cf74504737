import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { afterEach, describe, test } from 'node:test'
import { exportJWK } from 'jose'
import { createIssuerKeys, type IssuerKeys, type IssuerKeysOptions } from '../../../src/edge/tokens/issuer-keys.ts'
import { type Instant, manualClock } from '../../../src/kernel/clock.ts'
import { safeDispatcher } from '../../../src/platform/safe-destination.ts'
import { type KeyServer, startKeyServer } from '../../support/key-server.ts'

const dispatcher = safeDispatcher(true, 2_000)
const closings: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close()
})

async function publicKey(kid: string): Promise<object> {
  return { ...(await exportJWK(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)), kid }
}

async function given(keys: readonly object[], options: Partial<IssuerKeysOptions> = {}) {
  const server = await startKeyServer(keys)
  const clock = manualClock(Date.parse('2030-01-01T00:00:00Z') as Instant)
  const faults: (string | null)[] = []
  const issuerKeys = createIssuerKeys({
    url: server.url,
    algorithms: ['ES256'],
    refreshMs: 3_600_000,
    cooldownMs: 5_000,
    staleMsMax: 600_000,
    dispatcher,
    clock,
    onFault: (fault) => faults.push(fault),
    ...options,
  })
  closings.push(server.close, issuerKeys.close)
  return { server, clock, faults, issuerKeys }
}

const kidOf = async (keys: IssuerKeys, kid: string | null) => (await keys.find(kid))?.kid

describe("an issuer's keys", () => {
  test('are found by kid, and without one only where there is one key', async () => {
    const { issuerKeys, server, clock } = await given([await publicKey('a')])
    assert.equal(await kidOf(issuerKeys, 'a'), 'a')
    assert.equal(await kidOf(issuerKeys, null), 'a')
    server.publish([await publicKey('a'), await publicKey('b')])
    clock.advance(5_000)
    assert.equal(await kidOf(issuerKeys, 'b'), 'b')
    assert.equal(await issuerKeys.find(null), null)
  })

  test('are fetched once for all who wait, and ten thousand made-up kids cause one fetch in a cool-down', async () => {
    const { issuerKeys, server, clock } = await given([await publicKey('a')])
    await Promise.all(Array.from({ length: 100 }, () => issuerKeys.find('a')))
    assert.equal(server.asked(), 1)
    const flood = () => Promise.all(Array.from({ length: 10_000 }, (_, at) => issuerKeys.find(`made-up-${at}`)))
    assert.ok((await flood()).every((key) => key === null))
    assert.equal(server.asked(), 1)
    clock.advance(5_000)
    await flood()
    assert.equal(server.asked(), 2)
  })

  test('a key that is rotated in is found at the next unknown kid, and the one rotated out is no longer believed', async () => {
    const { issuerKeys, server, clock } = await given([await publicKey('old')])
    const old = await issuerKeys.find('old')
    assert.ok(old && issuerKeys.isCurrent(old.thumbprint))
    server.publish([await publicKey('new')])
    clock.advance(5_000)
    assert.equal(await kidOf(issuerKeys, 'new'), 'new')
    assert.equal(await issuerKeys.find('old'), null)
    assert.equal(issuerKeys.isCurrent(old.thumbprint), false)
  })

  test('a kid that was asked for while the issuer failed is asked for again, for it may be new', async () => {
    const { issuerKeys, server, clock } = await given([await publicKey('old')])
    await issuerKeys.find('old')
    server.publish((_request, response) => response.writeHead(500).end())
    clock.advance(5_000)
    assert.equal(await issuerKeys.find('new'), null)
    server.publish([await publicKey('new')])
    clock.advance(5_000)
    assert.equal(await kidOf(issuerKeys, 'new'), 'new')
  })

  test('are refreshed by themselves, so that a removed key stops without anyone asking for it', async () => {
    const { issuerKeys, server } = await given([await publicKey('old')], { refreshMs: 20 })
    const old = await issuerKeys.find('old')
    server.publish([await publicKey('new')])
    const deadline = Date.now() + 5_000
    while (issuerKeys.isCurrent(old?.thumbprint ?? '') && Date.now() < deadline)
      await new Promise((done) => setTimeout(done, 10))
    assert.equal(issuerKeys.isCurrent(old?.thumbprint ?? ''), false)
  })

  const broken: Record<string, Parameters<KeyServer['publish']>[0]> = {
    'an error': (_request, response) => response.writeHead(500).end(),
    'a redirect': (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end(),
    'a page': (_request, response) => response.setHeader('content-type', 'text/html').end('<html>'),
    'five megabytes': (_request, response) =>
      response.setHeader('content-type', 'application/json').end(`{"keys":[],"x":"${'x'.repeat(5_000_000)}"}`),
    'half an answer': (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
      response.write('{"keys"')
      setTimeout(() => response.destroy(), 20)
    },
    'one key twice': (_request, response) =>
      response.setHeader('content-type', 'application/json').end('{"keys":[],"keys":[]}'),
    'a shared secret': [{ kty: 'oct', kid: 'a', k: 'c2VjcmV0' }],
    'a private key': [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd', kid: 'a' }],
    'one kid for two keys': [
      { kty: 'EC', crv: 'P-256', kid: 'a' },
      { kty: 'EC', crv: 'P-256', kid: 'a' },
    ],
  }
  for (const [what, answer] of Object.entries(broken)) {
    test(`when the issuer answers ${what}, the last good set is believed for a while, and nothing after that`, async () => {
      const { issuerKeys, server, clock, faults } = await given([await publicKey('a')])
      const key = await issuerKeys.find('a')
      server.publish(answer)
      clock.advance(6_000)
      assert.equal(await issuerKeys.find('b'), null) // asks, and gets the broken answer
      assert.equal(faults.length, 1)
      assert.equal(issuerKeys.state().lastError, faults[0])
      assert.equal(await kidOf(issuerKeys, 'a'), 'a')
      clock.advance(600_000)
      await assert.rejects(issuerKeys.find('a'))
      assert.equal(issuerKeys.isCurrent(key?.thumbprint ?? ''), false)
      server.publish([await publicKey('a')])
      clock.advance(6_000)
      assert.equal(await kidOf(issuerKeys, 'a'), 'a')
      assert.deepEqual(faults.slice(1), [null])
    })
  }

  test('an issuer that is away at the start costs one try in a cool-down, and is found when it comes', async () => {
    const { issuerKeys, server, clock } = await given([])
    server.publish((_request, response) => response.writeHead(503).end())
    await issuerKeys.find('a').catch(() => {})
    const asked = server.asked()
    for (let at = 0; at < 20; at++) await assert.rejects(issuerKeys.find('a'))
    assert.ok(server.asked() <= asked + 1)
    server.publish([await publicKey('a')])
    clock.advance(5_000)
    assert.equal(await kidOf(issuerKeys, 'a'), 'a')
  })
})
