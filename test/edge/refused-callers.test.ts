import assert from 'node:assert/strict'
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type CryptoKey, type KeyObject, SignJWT, UnsecuredJWT } from 'jose'
import { signingKeyIn } from '../../src/sandbox/signing-key.ts'
import { assertRefused, type EdgeCalls, edgeCalls, movesNothing, transferOf } from '../support/edge-calls.ts'
import { startTestPlatform, type TestPlatform } from '../support/platform.ts'

let platform: TestPlatform
let calls: EdgeCalls
let signing: { kid: string; privateKey: CryptoKey }

before(async () => {
  platform = await startTestPlatform()
  calls = edgeCalls(platform)
  signing = await signingKeyIn(join(platform.places.data, 'keys'))
})
after(() => platform.close())

type Token = {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  readonly key?: CryptoKey | KeyObject | Uint8Array
}

const now = (): number => Math.floor(Date.now() / 1000)

/** A token that is good in every way but the one the test names. A claim given as null is left out. */
async function forge({ claims = {}, header = {}, key = signing.privateKey }: Token): Promise<string> {
  const all = {
    iss: platform.urls['identity-provider'],
    aud: 'tidegate',
    sub: 'mem_alice',
    client_id: 'test',
    scope: 'accounts:read transfers:write',
    iat: now(),
    exp: now() + 600,
    jti: randomUUID(),
    ...claims,
  }
  const payload = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))
  return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: signing.kid, ...header }).sign(key)
}

function withToken(token: string) {
  const headers = { authorization: `Bearer ${token}` }
  return calls.call(null, 'POST', '/v1/transfers', { key: randomUUID(), body: transferOf('1.00'), headers })
}

describe('who is refused', () => {
  test('a caller without a token is told which scheme to use', async () => {
    await movesNothing(calls, async () => {
      const answer = await calls.call(null, 'POST', '/v1/transfers', { key: 'a', body: transferOf('1.00') })
      assertRefused(answer, 'unauthenticated')
      assert.equal(answer.headers['www-authenticate'], 'Bearer realm="tidegate"')
    })
  })

  test('the token that the others are made from is good', async () => {
    const answer = await withToken(await forge({}))
    assert.equal(answer.status, 201, answer.text)
  })

  const strangersKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const badTokens: Record<string, () => Promise<string> | string> = {
    'signed with another key': () => forge({ key: strangersKey }),
    'signed with nothing (alg none)': () =>
      new UnsecuredJWT({ client_id: 'test', scope: 'transfers:write' })
        .setIssuer(platform.urls['identity-provider'])
        .setAudience('tidegate')
        .setSubject('mem_alice')
        .setExpirationTime('10m')
        .encode(),
    'signed with a shared secret (HS256)': () => forge({ header: { alg: 'HS256' }, key: Buffer.alloc(32, 7) }),
    'expired beyond the clock skew': () => forge({ claims: { iat: now() - 700, exp: now() - 31 } }),
    'not valid yet': () => forge({ claims: { nbf: now() + 120 } }),
    'without an expiry': () => forge({ claims: { exp: null } }),
    'without a jti': () => forge({ claims: { jti: null } }),
    'for another audience': () => forge({ claims: { aud: 'another-api' } }),
    'of another issuer': () => forge({ claims: { iss: 'https://issuer.example' } }),
    'of an issuer that looks alike': () => forge({ claims: { iss: `${platform.urls['identity-provider']}/` } }),
    'of another type (an id token)': () => forge({ header: { typ: 'JWT' } }),
    'for a subject that is no member': () => forge({ claims: { sub: 'somebody' } }),
    'with a scope that is a list': () => forge({ claims: { scope: ['transfers:write'] } }),
    'that names a key nobody has': () => forge({ header: { kid: 'unknown' } }),
    'with one bit of the signature flipped': async () => {
      const [head, payload, signature = ''] = (await forge({})).split('.')
      const bytes = Buffer.from(signature, 'base64url')
      bytes[5] = (bytes[5] ?? 0) ^ 1
      return `${head}.${payload}.${bytes.toString('base64url')}`
    },
    'spelled in base64url another way': async () => `${await forge({})}=`,
    'with another payload under a good signature': async () => {
      const [head, , signature] = (await forge({})).split('.')
      const [, payload] = (await forge({ claims: { sub: 'mem_bob' } })).split('.')
      return `${head}.${payload}.${signature}`
    },
    'that is no token': () => 'abc.def',
    'of ten thousand characters': () => `${'a'.repeat(10_000)}.b.c`,
  }
  for (const [what, make] of Object.entries(badTokens)) {
    test(`a token ${what} is not accepted`, async () => {
      const token = await make()
      await movesNothing(calls, async () => {
        const answer = await withToken(token)
        assertRefused(answer, 'invalid_token')
        assert.equal(answer.headers['www-authenticate'], 'Bearer realm="tidegate", error="invalid_token"')
      })
    })
  }

  test('a token is still good within the clock skew', async () => {
    const answer = await withToken(await forge({ claims: { iat: now() - 600, exp: now() - 5 } }))
    assert.equal(answer.status, 201, answer.text)
  })

  test('another scheme, two tokens in one header, or a token in the query is not accepted', async () => {
    const token = await forge({})
    for (const authorization of ['Basic YTpi', `Bearer ${token}, Bearer ${token}`, `Bearer  ${token}`, 'Bearer'])
      assertRefused(
        await calls.call(null, 'GET', '/v1/accounts/acc_alice', { headers: { authorization } }),
        'invalid_token',
      )
    assertRefused(await calls.call(null, 'GET', `/v1/accounts/acc_alice?access_token=${token}`), 'invalid_token')
    const headers = { authorization: `bearer ${token}` } // the scheme's name is case-insensitive
    assert.equal((await calls.call(null, 'GET', '/v1/accounts/acc_alice', { headers })).status, 200)
  })

  test('a token without the scope of the route is told which one it lacks', async () => {
    await movesNothing(calls, async () => {
      const answer = await calls.transfer('1.00', { scope: 'accounts:read' })
      assertRefused(answer, 'insufficient_scope')
      assert.match(answer.body.detail, /transfers:write/)
      assert.match(answer.headers['www-authenticate'] ?? '', /error="insufficient_scope", scope="transfers:write"/)
    })
  })

  test("another member's things are not there", async () => {
    await movesNothing(calls, async () => {
      assertRefused(await calls.call('mem_bob', 'GET', '/v1/accounts/acc_alice'), 'not_found')
      assertRefused(await calls.call('mem_bob', 'GET', '/v1/accounts/acc_alice/entries'), 'not_found')
      assertRefused(await calls.call('mem_bob', 'GET', '/v1/members/mem_alice'), 'not_found')
      const taken = await calls.call('mem_bob', 'POST', '/v1/transfers', { key: 'bob-1', body: transferOf('1.00') })
      assertRefused(taken, 'not_found')
    })
    const transfer = await calls.transfer('1.00')
    assertRefused(await calls.call('mem_carol', 'GET', `/v1/transfers/${transfer.body.id}`), 'not_found')
    assertRefused(await calls.call('mem_carol', 'GET', `/v1/operations/${transfer.body.operation}`), 'not_found')
    assertRefused(await calls.call('mem_carol', 'GET', `/v1/operations/${transfer.body.operation}/events`), 'not_found')
  })

  test("a member with an operator's scope is none", async () => {
    const deposit = { account: 'acc_bob', amount: { currency: 'CNY', value: '5.00' }, reference: 'gift' }
    await movesNothing(calls, async () => {
      const answer = await calls.call('mem_bob', 'POST', '/v1/deposits', { scope: 'deposits:write', body: deposit })
      assertRefused(answer, 'policy_denied')
      assert.equal(answer.body.rule, 'access/operators-only')
    })
  })
})
