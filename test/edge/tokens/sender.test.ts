import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { createDpopNonces } from '../../../src/edge/tokens/dpop-nonces.ts'
import { createProofMemory } from '../../../src/edge/tokens/proof-memory.ts'
import { createSenderCheck, type SenderCheck } from '../../../src/edge/tokens/sender.ts'
import { type Instant, manualClock } from '../../../src/kernel/clock.ts'
import { jkt, proofFor } from '../../support/dpop-proof.ts'

const START_S = 2_000_000_000
const start = (START_S * 1_000) as Instant

/** A check on a clock of its own, and what calls it with a proof made at `iat`. */
async function rig(proofsMax = 100) {
  const clock = manualClock(start)
  const check = createSenderCheck({
    clock,
    redis: null,
    publicOrigins: [],
    proofsMax,
    nonces: null,
    mustBeBound: false,
  })
  const confirmation = { keyThumbprint: await jkt(), certificateThumbprint: null }
  const send = (iat: number, jti: string = randomUUID()): Promise<string> => {
    const proof = proofFor('token', { claims: { iat, jti } })
    const headers = new Map([['dpop', proof]])
    const request = {
      trail: {},
      method: 'GET',
      origin: 'http://edge.test',
      path: '/guarded',
      headers,
      route: { tags: [] },
    }
    const token = { confirmation } as Parameters<SenderCheck>[2]
    const checked = check(request as unknown as Parameters<SenderCheck>[0], { scheme: 'DPoP', token: 'token' }, token)
    return Promise.resolve(checked).then(
      () => 'taken',
      ({ code }) => code,
    )
  }
  return { clock, send }
}

describe('the time of a proof', () => {
  test('lies within sixty seconds back and ten ahead', async () => {
    const { clock, send } = await rig()
    clock.advance(1_000_000)
    const now = START_S + 1_000
    assert.equal(await send(now - 60), 'taken')
    assert.equal(await send(now + 10), 'taken')
    assert.equal(await send(now - 61), 'invalid_dpop_proof')
    assert.equal(await send(now + 11), 'invalid_dpop_proof')
  })

  test('does not lie before the start: what was used then is not remembered', async () => {
    const { clock, send } = await rig()
    clock.advance(5_000)
    assert.equal(await send(START_S - 1), 'invalid_dpop_proof')
    assert.equal(await send(START_S), 'taken')
  })
})

describe('used proofs', () => {
  test('are known for as long as they could be sent again', async () => {
    const { clock, send } = await rig()
    const iat = START_S + 10
    assert.equal(await send(iat, 'a'), 'taken')
    for (let second = 0; second <= 80; second += 5) {
      assert.equal(await send(iat, 'a'), 'invalid_dpop_proof', `after ${second} s`)
      clock.advance(5_000)
    }
  })

  test('that can not be remembered are refused, and room comes back with time', async () => {
    const { clock, send } = await rig(3)
    for (const jti of ['a', 'b', 'c']) assert.equal(await send(START_S, jti), 'taken')
    assert.equal(await send(START_S, 'd'), 'overloaded')
    assert.equal(await send(START_S, 'a'), 'invalid_dpop_proof')
    clock.advance(71_000)
    assert.equal(await send(START_S + 71, 'd'), 'taken')
  })

  test('are kept in bounds: ten thousand replays take one place, and ten thousand proofs no more than allowed', async () => {
    const clock = manualClock(start)
    const memory = createProofMemory({ proofsMax: 1_000, keptMs: 70_000, clock, redis: null })
    const replay = { thumbprint: 'key', jti: 'one' }
    const outcomes = await Promise.all(Array.from({ length: 10_000 }, () => memory.take(replay)))
    assert.deepEqual([outcomes.filter((outcome) => outcome === 'new').length, memory.size()], [1, 1])
    for (let at = 0; at < 10_000; at++) await memory.take({ thumbprint: 'key', jti: String(at) })
    assert.equal(memory.size(), 1_000)
    clock.advance(70_001)
    assert.equal(await memory.take(replay), 'new')
    assert.equal(memory.size(), 1)
  })

  test('of one key say nothing of another key’s', async () => {
    const memory = createProofMemory({ proofsMax: 10, keptMs: 1, clock: manualClock(start), redis: null })
    assert.equal(await memory.take({ thumbprint: 'a', jti: 'one' }), 'new')
    assert.equal(await memory.take({ thumbprint: 'b', jti: 'one' }), 'new')
  })
})

test('a nonce is fresh for a minute or two, at every edge that has the secret, and at no other', () => {
  const clock = manualClock(start)
  const nonces = createDpopNonces('secret', clock)
  const nonce = nonces.current()
  assert.ok(createDpopNonces('secret', clock).isFresh(nonce))
  assert.equal(createDpopNonces('other', clock).isFresh(nonce), false)
  clock.advance(60_000)
  assert.ok(nonces.isFresh(nonce))
  assert.notEqual(nonces.current(), nonce)
  clock.advance(60_000)
  assert.equal(nonces.isFresh(nonce), false)
})
