import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { type Instant, manualClock } from '../../src/kernel/clock.ts'
import {
  publicKeyText,
  readPrivateKey,
  readPublicKey,
  signWebhook,
  verifyWebhook,
} from '../../src/platform/standard-webhooks.ts'

// The public test vector of the Standard Webhooks specification 1.0.0.
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const ID = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
const SIGNED_AT = 1_614_265_330
const BODY = '{"test": 2432232314}'
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='

const at = (seconds: number) => manualClock((seconds * 1_000) as Instant)
const hmac = { scheme: 'v1', secret: SECRET } as const
const headers = { 'webhook-id': ID, 'webhook-timestamp': String(SIGNED_AT), 'webhook-signature': SIGNATURE }
const verify = (changed: Record<string, string | undefined> = {}, body = BODY, now = SIGNED_AT) =>
  verifyWebhook([hmac], at(now), { ...headers, ...changed }, Buffer.from(body))

describe('Standard Webhooks', () => {
  test('the public vector is signed and verified', () => {
    assert.deepEqual(signWebhook([hmac], at(SIGNED_AT), ID, BODY), headers)
    assert.deepEqual(verify(), { ok: true, id: ID })
  })

  const refused: Record<string, [reason: string, () => ReturnType<typeof verify>]> = {
    'no id': ['missing', () => verify({ 'webhook-id': undefined })],
    'no timestamp': ['missing', () => verify({ 'webhook-timestamp': undefined })],
    'no signature': ['missing', () => verify({ 'webhook-signature': undefined })],
    'an id with a dot, which could stand for the one between the parts': [
      'missing',
      () => verify({ 'webhook-id': 'a.b' }),
    ],
    'a timestamp that is no plain number': ['missing', () => verify({ 'webhook-timestamp': '1e9' })],
    '301 s old': ['stale', () => verify({}, BODY, SIGNED_AT + 301)],
    '301 s ahead': ['stale', () => verify({}, BODY, SIGNED_AT - 301)],
    'another id': ['wrong', () => verify({ 'webhook-id': 'msg_other' })],
    'another time': ['wrong', () => verify({ 'webhook-timestamp': String(SIGNED_AT + 1) })],
    'a body that was written anew': ['wrong', () => verify({}, '{"test":2432232314}')],
    'part of the signature': ['wrong', () => verify({ 'webhook-signature': SIGNATURE.slice(0, -8) })],
    'an empty signature': ['wrong', () => verify({ 'webhook-signature': 'v1,' })],
    'the right bytes under another scheme': [
      'wrong',
      () => verify({ 'webhook-signature': SIGNATURE.replace('v1,', 'v1a,') }),
    ],
    'the right one behind ten others': [
      'wrong',
      () => verify({ 'webhook-signature': `${'v1,AAAA '.repeat(10)}${SIGNATURE}` }),
    ],
  }
  for (const [what, [reason, check]] of Object.entries(refused))
    test(`refused: ${what}`, () => assert.deepEqual(check(), { ok: false, reason }))

  test('just within the tolerance, or among other signatures, it counts', () => {
    assert.ok(verify({}, BODY, SIGNED_AT + 300).ok)
    assert.ok(verify({ 'webhook-signature': `v1,AAAA v1a,BBBB ${SIGNATURE}` }).ok)
  })

  test('during a rotation both keys sign, and either verifies', () => {
    const next = { scheme: 'v1', secret: `whsec_${randomBytes(32).toString('base64')}` } as const
    const both = signWebhook([next, hmac], at(SIGNED_AT), ID, BODY)
    for (const key of [next, hmac]) assert.ok(verifyWebhook([key], at(SIGNED_AT), both, Buffer.from(BODY)).ok)
  })

  test('v1a: only the holder of the private key signs; the texts of keys are read back', () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32)
    const read = readPrivateKey(`whsk_${seed.toString('base64')}`)
    const publicKey = readPublicKey(publicKeyText(read))
    const signed = signWebhook([{ scheme: 'v1a', privateKey: read }], at(SIGNED_AT), ID, BODY)
    const check = (keys: Parameters<typeof verifyWebhook>[0]) =>
      verifyWebhook(keys, at(SIGNED_AT), signed, Buffer.from(BODY))
    assert.ok(check([{ scheme: 'v1a', publicKey }]).ok)
    assert.equal(check([hmac]).ok, false)
    assert.equal(check([{ scheme: 'v1a', publicKey: generateKeyPairSync('ed25519').publicKey }]).ok, false)
  })

  test('a secret or key that is too short is no setting', () => {
    for (const secret of [
      '',
      'whsec_',
      `whsec_${randomBytes(23).toString('base64')}`,
      randomBytes(32).toString('base64'),
    ])
      assert.throws(() => signWebhook([{ scheme: 'v1', secret }], at(0), ID, BODY), /webhook secret/)
    assert.throws(() => readPublicKey('whpk_AAAA'))
    assert.throws(() => readPrivateKey(`whpk_${randomBytes(32).toString('base64')}`))
  })
})
