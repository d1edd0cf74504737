import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { AUDIENCE, es256, nowS as now, rsa, stranger, token } from '../support/forged-token.ts'
import { startTokenRig, type TokenRig } from '../support/token-rig.ts'

let rig: TokenRig
before(async () => {
  rig = await startTokenRig()
})
after(() => rig.close())

describe('a token is taken', () => {
  const taken: Readonly<Record<string, () => string>> = {
    'as the others are made from': () => token(),
    'signed by PS256': () =>
      token({
        header: { alg: 'PS256', kid: 'rsa-1' },
        sign: (input) => sign('sha256', Buffer.from(input), { key: rsa.privateKey, padding: 6, saltLength: 32 }),
      }),
    'within the clock skew after its expiry (23)': () => token({ claims: { iat: now() - 320, exp: now() - 20 } }),
    'valid from ten seconds ahead (24)': () => token({ claims: { nbf: now() + 10 } }),
    'for several audiences, ours among them (27)': () => token({ claims: { aud: ['other', AUDIENCE] } }),
    'of the type in full, or in capitals (30)': () => token({ header: { typ: 'application/at+jwt' } }),
    'of the type in capitals (30)': () => token({ header: { typ: 'AT+JWT' } }),
    'without a kid, where the issuer has one key (13)': () =>
      token({
        header: { kid: undefined },
        claims: { iss: 'https://b.example' },
        sign: (input) => es256(input, stranger.privateKey),
      }),
  }
  for (const [what, make] of Object.entries(taken)) test(what, () => rig.assertTaken(make()))

  test('31 a scope is compared whole: its prefix is another scope', async () => {
    await rig.assertRefused(token({ claims: { scope: 'pay payments2 payments:read' } }), 403)
  })
})

describe('the Authorization header (38, 40)', () => {
  test('stands once, with one token in it', async () => {
    const sent = rig.forwarded()
    assert.equal((await rig.send([`Bearer ${token()}`, `Bearer ${token()}`])).status, 400)
    for (const value of [
      `Bearer Bearer ${token()}`,
      `Bearer ${token()}, Bearer ${token()}`,
      `Bearer ${token()},${token()}`,
      `Bearer  ${token()}`,
      `Bearer\t${token()}`,
      'Basic YTpi',
      `DPoP ${token()}`,
      token(),
      'Bearer',
    ]) {
      assert.equal((await rig.send([value])).status, 401, value)
    }
    assert.equal(rig.forwarded(), sent)
  })

  test('has a scheme whose case does not matter', async () => {
    for (const scheme of ['bearer', 'BEARER', 'bEaReR']) {
      assert.equal((await rig.send([`${scheme} ${token()}`])).status, 200)
    }
  })

  test('a token in the query is refused, also beside a good one (39)', async () => {
    const sent = rig.forwarded()
    assert.equal((await rig.send([`Bearer ${token()}`], `/guarded?access_token=${token()}`)).status, 401)
    assert.equal(rig.forwarded(), sent)
  })
})

describe('a token that was remembered (41, 42)', () => {
  test('is not believed after it has expired', async () => {
    const short = token({ claims: { iat: now() - 300, exp: now() - 29 } }) // inside the skew for one second more
    await rig.send([`Bearer ${short}`])
    await new Promise((done) => setTimeout(done, 2_100))
    await rig.assertRefused(short)
  })

  test('does not vouch for another with the same beginning', async () => {
    const good = token()
    await rig.assertTaken(good)
    await rig.assertRefused(`${good.slice(0, -6)}AAAAAA`)
    await rig.assertTaken(good)
  })
})
