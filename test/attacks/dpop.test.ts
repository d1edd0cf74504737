import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { athOf, boundToken, holder, holderJwk, jkt, type ProofParts, proofFor } from '../support/dpop-proof.ts'
import { es256, hs256, nowS, rsa, stranger, token } from '../support/forged-token.ts'
import { startTokenRig, type TokenAnswer, type TokenRig } from '../support/token-rig.ts'

/** RFC 9449 at the edge: each rule with a proof of its own, sent over a socket to an upstream that records. */

const ALGS = 'algs="ES256 PS256 EdDSA"'
let rig: TokenRig
before(async () => {
  rig = await startTokenRig()
  await new Promise((done) => setTimeout(done, 1_000)) // proofs from before the start are refused, and `iat` has no fractions
})
after(() => rig.close())

const sendBound = (accessToken: string, proof: string, target?: string): Promise<TokenAnswer> =>
  rig.send([`DPoP ${accessToken}`], target, [`DPoP: ${proof}`])

async function assertRefused(answer: Promise<TokenAnswer>, error: string): Promise<void> {
  const sent = rig.forwarded()
  const { status, challenge, text } = await answer
  assert.equal(status, 401, text)
  assert.equal(challenge, `DPoP realm="tidegate", error="${error}", ${ALGS}`)
  assert.equal(rig.forwarded(), sent, 'nothing is forwarded')
}

const jwkOf = (key: KeyObject) => key.export({ format: 'jwk' })
const ed = generateKeyPairSync('ed25519')
const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
const pss = (input: string, key = rsa.privateKey): Buffer =>
  sign('sha256', Buffer.from(input), { key, padding: 6, saltLength: 32 })

describe('a bound token is taken with a proof', () => {
  const taken: Readonly<Record<string, ProofParts>> = {
    'as the others are made from': {},
    'whose clock is ten seconds ahead': { ageS: -9 },
    'whose target has a query, which is not compared': { claims: { htu: 'http://edge.test/guarded?a=b#c' } },
    'whose target says the default port and capitals': { claims: { htu: 'HTTP://EDGE.TEST:80/guarded' } },
    'with a nonce that nobody asked for': { claims: { nonce: 'of-someone-else' } },
  }
  for (const [what, parts] of Object.entries(taken)) {
    test(what, async () => {
      const bound = await boundToken()
      const { status, text } = await sendBound(bound, proofFor(bound, parts))
      assert.equal(status, 200, text)
    })
  }

  for (const [alg, key, signed] of [
    ['PS256', rsa, pss],
    ['EdDSA', ed, (input: string) => sign(null, Buffer.from(input), ed.privateKey)],
  ] as const) {
    test(`signed by ${alg}`, async () => {
      const jwk = jwkOf(key.publicKey)
      const bound = await boundToken({ cnf: { jkt: await jkt(jwk) } })
      const { status, text } = await sendBound(bound, proofFor(bound, { header: { alg, jwk }, sign: signed }))
      assert.equal(status, 200, text)
    })
  }

  test('and the proof goes no further', async () => {
    const bound = await boundToken()
    await sendBound(bound, proofFor(bound))
    assert.doesNotMatch(rig.requests.at(-1) ?? 'none', /^dpop:/im)
  })

  test('also in absolute form, and where the scheme is in capitals', async () => {
    const bound = await boundToken()
    const send = (target: string, scheme: string) =>
      rig.send([`${scheme} ${bound}`], target, [`dpop: ${proofFor(bound)}`])
    assert.equal((await send('http://edge.test/guarded', 'DPoP')).status, 200)
    assert.equal((await send('/guarded?q=1', 'DPOP')).status, 200)
  })
})

describe('a proof is refused', () => {
  const refused: Readonly<Record<string, ProofParts>> = {
    'of another type': { header: { typ: 'JWT' } },
    'of no type': { header: { typ: undefined } },
    'for another method': { claims: { htm: 'POST' } },
    'for a method in small letters': { claims: { htm: 'get' } },
    'for another path': { claims: { htu: 'http://edge.test/guarded/' } },
    'for another host': { claims: { htu: 'http://other.test/guarded' } },
    'for another port': { claims: { htu: 'http://edge.test:81/guarded' } },
    'for another scheme': { claims: { htu: 'https://edge.test/guarded' } },
    'for a host with someone before it': { claims: { htu: 'http://evil@edge.test/guarded' } },
    'for a path that is no URL': { claims: { htu: '/guarded' } },
    'for targets in a list': { claims: { htu: ['http://edge.test/guarded'] } },
    'for another token': { claims: { ath: athOf('another') } },
    'for no token': { claims: { ath: undefined } },
    'without a jti': { claims: { jti: undefined } },
    'with an empty jti': { claims: { jti: '' } },
    'with an endless jti': { claims: { jti: 'j'.repeat(257) } },
    'without a time': { claims: { iat: undefined } },
    'with a time as text': { claims: { iat: String(nowS()) } },
    'from more than a minute ago': { ageS: 62 },
    'from the future': { ageS: -20 },
    'that has expired': { claims: { exp: nowS() - 1 } },
    'without its key': { header: { jwk: undefined } },
    'with a key that is no object': { header: { jwk: 'key' } },
    'with its private key': { header: { jwk: jwkOf(holder.privateKey) } },
    'with a shared secret for a key': {
      header: { jwk: { kty: 'oct', k: 'c2VjcmV0' }, alg: 'HS256' },
      sign: hs256('secret'),
    },
    'without a signature algorithm': { header: { alg: 'none' } },
    'signed by RS256': {
      header: { alg: 'RS256', jwk: jwkOf(rsa.publicKey) },
      sign: (input) => sign('sha256', Buffer.from(input), rsa.privateKey),
    },
    'signed by a weak key': {
      header: { alg: 'PS256', jwk: jwkOf(small.publicKey) },
      sign: (input) => pss(input, small.privateKey),
    },
    'with a key off its curve': { header: { jwk: { ...holderJwk, y: holderJwk.x } } },
    'signed by another key than its own': { sign: (input) => es256(input, stranger.privateKey) },
    'with an extension that must be understood': { header: { crit: ['b64'], b64: true } },
    'with a pointer to its key': { header: { jku: 'https://evil.example' } },
  }
  for (const [what, parts] of Object.entries(refused)) {
    test(what, async () => {
      const bound = await boundToken()
      await assertRefused(sendBound(bound, proofFor(bound, parts)), 'invalid_dpop_proof')
    })
  }

  test('that is none', async () => {
    const bound = await boundToken()
    await assertRefused(rig.send([`DPoP ${bound}`]), 'invalid_dpop_proof')
    const proof = proofFor(bound)
    for (const text of [
      '',
      'proof',
      bound,
      `${proof}=`,
      `${proof}, ${proof}`,
      proof.split('.').slice(0, 2).join('.'),
    ]) {
      await assertRefused(sendBound(bound, text), 'invalid_dpop_proof')
    }
  })

  test('that stands twice, even where nobody asks for one', async () => {
    const bound = await boundToken()
    const lines = [`DPoP: ${proofFor(bound)}`, `DPoP: ${proofFor(bound)}`]
    assert.equal((await rig.send([`DPoP ${bound}`], '/guarded', lines)).status, 400)
    assert.equal((await rig.send([`Bearer ${token()}`], '/guarded', lines)).status, 400)
  })
})

describe('neither way is taken for the other', () => {
  test('a bound token sent as Bearer, with or without a proof', async () => {
    const bound = await boundToken()
    await assertRefused(rig.send([`Bearer ${bound}`]), 'invalid_token')
    await assertRefused(rig.send([`Bearer ${bound}`], '/guarded', [`DPoP: ${proofFor(bound)}`]), 'invalid_token')
  })

  test('an unbound token sent as DPoP', async () => {
    const unbound = token()
    await assertRefused(sendBound(unbound, proofFor(unbound)), 'invalid_token')
  })

  test('a token bound to another key', async () => {
    const bound = await boundToken({ cnf: { jkt: await jkt(jwkOf(stranger.publicKey)) } })
    await assertRefused(sendBound(bound, proofFor(bound)), 'invalid_token')
  })

  test('a token bound in a way that we do not know, or badly', async () => {
    for (const cnf of [{}, { kid: 'a' }, { jkt: 7 }, { jkt: null }, { jkt: 'short' }, 'text', null, [await jkt()]]) {
      await rig.assertRefused(token({ claims: { cnf } }))
    }
  })

  test('a token bound to a certificate, on a connection that has none', async () => {
    const x5t = await jkt()
    await rig.assertRefused(token({ claims: { cnf: { 'x5t#S256': x5t } } }))
    const both = token({ claims: { cnf: { jkt: await jkt(), 'x5t#S256': x5t } } })
    await assertRefused(sendBound(both, proofFor(both)), 'invalid_token')
  })

  test('other refusals of a token sent as DPoP are in that scheme too', async () => {
    const expired = await boundToken({ iat: nowS() - 400, exp: nowS() - 100 })
    await assertRefused(sendBound(expired, proofFor(expired)), 'invalid_token')
    const narrow = await boundToken({ scope: 'other' })
    const { status, challenge } = await sendBound(narrow, proofFor(narrow))
    assert.equal(status, 403)
    assert.equal(challenge, `DPoP realm="tidegate", error="insufficient_scope", scope="payments", ${ALGS}`)
  })
})

describe('a proof is used once', () => {
  test('also when the token is remembered', async () => {
    const bound = await boundToken()
    const proof = proofFor(bound)
    assert.equal((await sendBound(bound, proof)).status, 200)
    await assertRefused(sendBound(bound, proof), 'invalid_dpop_proof')
    assert.equal((await sendBound(bound, proofFor(bound))).status, 200)
  })

  test('of several sent at once, one passes', async () => {
    const bound = await boundToken()
    const proof = proofFor(bound)
    const answers = await Promise.all(Array.from({ length: 8 }, () => sendBound(bound, proof)))
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, ...Array(7).fill(401)])
  })

  test('whatever else is written around the same jti', async () => {
    const bound = await boundToken()
    const jti = randomUUID()
    assert.equal((await sendBound(bound, proofFor(bound, { claims: { jti } }))).status, 200)
    await assertRefused(sendBound(bound, proofFor(bound, { ageS: -2, claims: { jti } })), 'invalid_dpop_proof')
  })
})
