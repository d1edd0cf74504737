import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { type Instant, manualClock } from '../../src/kernel/clock.ts'
import { type PassportKey, signPassport, verifyPassport } from '../../src/platform/passport.ts'

const START = 1_800_000_000_000 as Instant
const key: PassportKey = { kid: 'a', secret: randomBytes(32) }
const keys = () => [key]
const request = { method: 'POST', target: '/v1/transfers?x=1', body: Buffer.from('{}'), idempotencyKey: 'pay-1' }
const claims = {
  principal: { kind: 'member' as const, id: 'mem_a', member: 'mem_a', scopes: ['transfers:write'] },
  assessment: { id: 'asm_1', outcome: 'hold' as const, holdMs: 1_000 },
  receipt: 'rcp_1',
}
const sign = (clock = manualClock(START)) => signPassport(keys, clock, 'cash-flow', request, claims)
const verify = (
  header: string | undefined,
  options: {
    method?: string
    target?: string
    key?: string | null
    aud?: string
    now?: number
    with?: () => PassportKey[]
  } = {},
) => {
  const { method = request.method, target = request.target, aud = 'cash-flow', now = START } = options
  const idempotencyKey = options.key === undefined ? request.idempotencyKey : options.key
  const arrived = { method, target, idempotencyKey, header }
  return verifyPassport(options.with ?? keys, manualClock(now as Instant), aud, arrived)
}

describe('a passport', () => {
  test('says who, under which assessment and receipt, for exactly this request', () => {
    const passport = verify(sign())
    assert.deepEqual(passport?.principal, claims.principal)
    assert.deepEqual(passport?.assessment, claims.assessment)
    assert.equal(passport?.receipt, 'rcp_1')
    assert.match(passport?.bodySha256 ?? '', /^44136fa3/)
  })

  test('is good for one service, method, target and Idempotency-Key, and for a minute', () => {
    const header = sign()
    assert.equal(verify(header, { aud: 'membership' }), null)
    assert.equal(verify(header, { method: 'GET' }), null)
    assert.equal(verify(header, { target: '/v1/transfers' }), null)
    assert.equal(verify(header, { key: 'pay-2' }), null)
    assert.equal(verify(header, { key: null }), null)
    assert.notEqual(verify(header, { now: START + 60_000 }), null)
    assert.equal(verify(header, { now: START + 62_000 }), null)
    assert.equal(verify(header, { now: START - 32_000 }), null)
  })

  test('is worth nothing when anything in it was changed', () => {
    const header = sign()
    const [version, kid, payload = '', mac] = header.split('.')
    const told = Buffer.from(payload, 'base64url').toString().replace('mem_a', 'mem_b')
    const forged = [version, kid, Buffer.from(told).toString('base64url'), mac].join('.')
    for (const bad of [
      undefined,
      '',
      'v1',
      forged,
      `${header}.x`,
      header.slice(0, -2),
      header.replace('v1', 'v2'),
      `v1.b.${payload}.${mac}`,
    ])
      assert.equal(verify(bad), null, String(bad))
  })

  test('is worth nothing under another key, and good under the old one during a rotation', () => {
    const header = sign()
    const next: PassportKey = { kid: 'b', secret: randomBytes(32) }
    assert.equal(verify(header, { with: () => [next] }), null)
    assert.equal(verify(header, { with: () => [{ ...next, kid: 'a' }] }), null)
    assert.notEqual(verify(header, { with: () => [next, key] }), null)
  })

  test('of another shape is refused though its signature is good', () => {
    const payload = Buffer.from(JSON.stringify({ aud: 'cash-flow' })).toString('base64url')
    const signed = `v1.a.${payload}`
    const mac = createHmac('sha256', key.secret).update(signed).digest('base64url')
    assert.equal(verify(`${signed}.${mac}`), null)
  })
})
