import assert from 'node:assert/strict'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { type Instant, manualClock, systemClock } from '../../src/kernel/clock.ts'
import { issueToken, startIdentityProvider } from '../../src/sandbox/identity-provider.ts'
import type { StandIn } from '../../src/sandbox/stand-in.ts'

describe('the identity provider', () => {
  let keyFolder: string
  let provider: StandIn
  const start = (port = 0) => startIdentityProvider({ host: '127.0.0.1', port, keyFolder, clock: systemClock })
  const verify = (token: string) =>
    jwtVerify(token, createRemoteJWKSet(new URL(`${provider.url}/.well-known/jwks.json`)), {
      issuer: provider.url,
      audience: 'tidegate',
      typ: 'at+jwt',
      algorithms: ['ES256'],
      requiredClaims: ['sub', 'client_id', 'iat', 'exp', 'jti', 'scope'],
    })
  const ask = async (form: string, type = 'application/x-www-form-urlencoded') => {
    const answer = await fetch(`${provider.url}/token`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: form,
    })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }

  before(async () => {
    keyFolder = await mkdtemp(join(tmpdir(), 'tidegate-keys-'))
    provider = await start()
  })
  after(async () => {
    await provider.close()
    await rm(keyFolder, { recursive: true })
  })

  test('gives a member a token that its published key verifies', async () => {
    const { access_token, token_type, expires_in, scope } = await issueToken(provider.url, { member: 'mem_alice' })
    const { payload } = await verify(access_token)
    assert.equal(payload.sub, 'mem_alice')
    assert.equal(payload['scope'], scope)
    assert.deepEqual([token_type, expires_in], ['Bearer', 600])
    assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 600)
    assert.deepEqual(
      scope.split(' ').sort(),
      [
        ...['accounts', 'events', 'products', 'transfers', 'webhooks'].flatMap((name) => [
          `${name}:read`,
          `${name}:write`,
        ]),
        'members:read',
      ].sort(),
    )
  })

  test('gives an operator every scope', async () => {
    const { scope } = await issueToken(provider.url, { operator: 'op_olga' })
    for (const name of ['operator', 'deposits:write', 'members:write', 'settlement:write', 'reviews:write'])
      assert.ok(scope.split(' ').includes(name), name)
  })

  test('gives the scope and the lifetime that are asked for', async () => {
    for (const [ttl, seconds] of [
      ['90s', 90],
      ['10m', 600],
      ['24h', 86_400],
      ['45', 45],
    ] as const) {
      const token = await issueToken(provider.url, { member: 'mem_bob', scope: 'accounts:read', ttl })
      const { payload } = await verify(token.access_token)
      assert.deepEqual([payload['scope'], (payload.exp ?? 0) - (payload.iat ?? 0)], ['accounts:read', seconds])
    }
  })

  test('takes the time from its clock', async () => {
    const at = Date.parse('2020-01-01T00:00:00Z') as Instant
    const past = await startIdentityProvider({ host: '127.0.0.1', port: 0, keyFolder, clock: manualClock(at) })
    const { access_token } = await issueToken(past.url, { member: 'mem_alice' })
    await past.close()
    assert.equal(decodeJwt(access_token).iat, at / 1000)
  })

  test('accepts its tokens after a restart, and keeps the key from other accounts', async () => {
    const { access_token } = await issueToken(provider.url, { member: 'mem_alice' })
    const port = Number(new URL(provider.url).port)
    await provider.close()
    provider = await start(port)
    await verify(access_token)
    assert.equal((await stat(join(keyFolder, 'identity-provider.json'))).mode & 0o077, 0)
  })

  test('publishes no private part of the key', async () => {
    const keys = (await (await fetch(`${provider.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] }
    const { access_token } = await issueToken(provider.url, { member: 'mem_alice' })
    assert.deepEqual(
      keys.keys.map((key) => Object.keys(key).sort()),
      [['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']],
    )
    assert.equal(decodeProtectedHeader(access_token).kid, keys.keys[0]?.kid)
  })

  test('says in its metadata where everything is', async () => {
    const answer = await fetch(`${provider.url}/.well-known/oauth-authorization-server`)
    const metadata = (await answer.json()) as Record<string, unknown>
    assert.equal(metadata['issuer'], provider.url)
    assert.equal(metadata['token_endpoint'], `${provider.url}/token`)
    assert.equal(metadata['jwks_uri'], `${provider.url}/.well-known/jwks.json`)
  })

  test('is reached by loopback when it listens on every address, and its tokens say so', async () => {
    const open = await startIdentityProvider({ host: '0.0.0.0', port: 0, keyFolder, clock: systemClock })
    const { access_token } = await issueToken(open.url, { member: 'mem_alice' })
    await open.close()
    assert.equal(new URL(open.url).hostname, '127.0.0.1')
    assert.equal(decodeJwt(access_token).iss, open.url)
  })

  test('refuses what is not a token request', async () => {
    const badTimes = ['0', '-1', '1.5h', '10d', '25h', '1e3', '']
    const refused: readonly (readonly [form: string, error: string])[] = [
      ['', 'invalid_request'],
      ['member=alice', 'invalid_request'],
      ['operator=mem_alice', 'invalid_request'],
      ['member=mem_alice&operator=op_olga', 'invalid_request'],
      ['member=mem_alice&member=mem_bob', 'invalid_request'],
      ['member=mem_alice&admin=1', 'invalid_request'],
      ['member=mem_alice&grant_type=password', 'unsupported_grant_type'],
      ['member=mem_alice&scope=', 'invalid_scope'],
      ['member=mem_alice&scope=a%20%20b', 'invalid_scope'],
      ...badTimes.map((ttl) => [`member=mem_alice&ttl=${ttl}`, 'invalid_request'] as const),
    ]
    for (const [form, error] of refused) {
      const answer = await ask(form)
      assert.deepEqual([answer.status, answer.body['error']], [400, error], form)
    }
    assert.equal((await ask(`member=mem_alice&scope=${'a'.repeat(9_000)}`)).status, 413)
    assert.equal((await ask('{"member":"mem_alice"}', 'application/json')).status, 400)
    await assert.rejects(issueToken(provider.url, { member: 'mem_alice', ttl: '25h' }), /at most 24h/)
  })
})
