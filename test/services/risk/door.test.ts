import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import supertest from 'supertest'
import type { Instant } from '../../../src/kernel/clock.ts'
import { PASSPORT_HEADER, type PassportKeys, signPassport } from '../../../src/platform/passport.ts'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { assessmentBody } from './asked.ts'
import { startWorld, type World } from './world.ts'

onEachStore('the door of risk control', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())

  const body = JSON.stringify(assessmentBody({ member: 'mem_alice', value: '10.00' }))
  const target = '/v1/assessments'
  const send = (passport: string | null, sent = body, path = target) => {
    const call = supertest(world.app).post(path).set('content-type', 'application/json')
    return (passport === null ? call : call.set(PASSPORT_HEADER, passport)).send(sent)
  }
  const passport = (options: { keys?: PassportKeys; aud?: string; agoMs?: number } = {}) => {
    const clock = { now: () => (world.clock.now() - (options.agoMs ?? 0)) as Instant }
    const { keys = world.passports, aud = 'risk' } = options
    const bound = { method: 'POST', target, body: Buffer.from(body) }
    const claims = { principal: { kind: 'service', id: 'edge' }, assessment: null, receipt: 'rcp_1' } as const
    return signPassport(keys, clock, aud, bound, claims)
  }

  test('a call with a valid passport is served', async () => {
    assert.equal((await send(passport())).status, 200)
  })

  const refused: Record<string, () => ReturnType<typeof send>> = {
    'no passport': () => send(null),
    'a passport signed by someone else': () =>
      send(passport({ keys: () => [{ kid: 'test', secret: randomBytes(32) }] })),
    'an old passport': () => send(passport({ agoMs: 61_000 })),
    'a passport of tomorrow': () => send(passport({ agoMs: -31_000 })),
    "another service's passport": () => send(passport({ aud: 'cash-flow' })),
    'a changed body': () => send(passport(), body.replace('10.00', '99.00')),
    'another path': () => send(passport(), body, '/v1/cases/case_1/votes'),
    'a passport that is none': () => send('v1.test.e30.AAAA'),
  }
  for (const [what, attempt] of Object.entries(refused)) {
    test(`${what} is 401`, async () => {
      const answer = await attempt()
      assert.equal(answer.status, 401)
      assert.equal(answer.body.code, 'invalid_passport')
    })
  }

  test('the document names every public route, the callback with its body', async () => {
    const { body: document } = await world.call('GET', '/openapi.json', asOperator)
    assert.deepEqual(Object.keys(document.paths).sort(), [
      '/v1/assessments',
      '/v1/assessments/{id}',
      '/v1/assessments/{id}/labels',
      '/v1/assessments/{id}/provider',
      '/v1/budgets',
      '/v1/cases',
      '/v1/cases/figures',
      '/v1/cases/next',
      '/v1/cases/unowned',
      '/v1/cases/{id}',
      '/v1/cases/{id}/assignment',
      '/v1/cases/{id}/decisions',
      '/v1/cases/{id}/notes',
      '/v1/cases/{id}/votes',
      '/v1/dead-letters/risk',
      '/v1/dead-letters/risk/{feed}/{seq}',
      '/v1/dead-letters/risk/{feed}/{seq}/give-up',
      '/v1/dead-letters/risk/{feed}/{seq}/replay',
      '/v1/reviews/decisions',
    ])
    assert.ok(document.paths['/v1/reviews/decisions'].post.requestBody)
  })
})
