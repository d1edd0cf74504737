import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, test } from 'node:test'
import { ALGORITHMS, readKeySet } from '../../../src/edge/tokens/key-policy.ts'
import { isRocaModulus } from '../../../src/edge/tokens/roca.ts'

const jwkOf = ({ publicKey }: { publicKey: KeyObject }) => publicKey.export({ format: 'jwk' })
const ec = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }))
const rsa = jwkOf(generateKeyPairSync('rsa', { modulusLength: 2048 }))
const ed = jwkOf(generateKeyPairSync('ed25519'))

const read = (...keys: readonly object[]) => readKeySet({ keys }, ALGORITHMS)
async function algorithmsOf(key: object): Promise<readonly string[]> {
  const set = await read(key)
  assert.ok(typeof set !== 'string', String(set))
  return set.keys.flatMap(({ keys }) => [...keys.keys()])
}

describe('a key of an issuer', () => {
  test('is for the algorithms of its kind, and for no other than the one it names', async () => {
    assert.deepEqual(await algorithmsOf(ec), ['ES256'])
    assert.deepEqual(await algorithmsOf(ed), ['EdDSA'])
    assert.deepEqual(await algorithmsOf(rsa), ['PS256', 'RS256'])
    assert.deepEqual(await algorithmsOf({ ...rsa, alg: 'PS256' }), ['PS256'])
    assert.deepEqual(await algorithmsOf({ ...ec, alg: 'RS256' }), [])
  })

  const leftOut: Readonly<Record<string, object>> = {
    'an RSA key of 1024 bits': jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 })),
    'an RSA key with the exponent 3': jwkOf(generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 })),
    'an RSA key with the exponent 1': { ...rsa, e: 'AQ' },
    'a key for encryption': { ...ec, use: 'enc' },
    'a key that may not verify': { ...ec, key_ops: ['sign'] },
    'a curve that is not ours': jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-521' })),
    'a point off its curve': { ...ec, y: ec.x },
    'a key of an unknown kind': { kty: 'LWE' },
  }
  for (const [what, key] of Object.entries(leftOut)) {
    test(`${what} is left out, and the operator told`, async () => {
      const set = await read(ed, { ...key, kid: 'weak' })
      assert.ok(typeof set !== 'string')
      assert.deepEqual(
        set.keys.map(({ keys }) => [...keys.keys()]),
        [['EdDSA']],
      )
      assert.match(set.leftOut.join(), /^weak: /)
    })
  }

  const refused: Readonly<Record<string, readonly object[]>> = {
    'a shared secret': [{ kty: 'oct', k: 'c2VjcmV0' }],
    'a private key': [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })],
    'a kid twice': [
      { ...ec, kid: 'a' },
      { ...ed, kid: 'a' },
    ],
    'a kid that is no text': [{ ...ec, kid: 7 }],
    'more keys than anyone needs': Array.from({ length: 33 }, (_, at) => ({ ...ec, kid: String(at) })),
  }
  for (const [what, keys] of Object.entries(refused)) {
    test(`a set that holds ${what} is refused whole`, async () => {
      assert.equal(typeof (await read(...keys, ed)), 'string')
    })
  }

  test('a modulus made of powers of 65537 is known for what it is', () => {
    assert.ok(isRocaModulus(65_537n ** 9n * 65_537n ** 4n))
    assert.equal(isRocaModulus(BigInt(`0x${Buffer.from(String(rsa.n), 'base64url').toString('hex')}`)), false)
  })
})
