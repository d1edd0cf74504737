import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import supertest from 'supertest'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import { PASSPORT_HEADER, type PassportKeys, signPassport } from '../../../src/platform/passport.ts'
import { asOperator, createCaller, testPassportKeys } from '../../support/caller.ts'
import { openFreshPglite } from '../../support/stores.ts'
import { at, type Harness, startHarness } from './harness.ts'

describe("settlement's door", () => {
  let server: DatabaseServer
  let settlement: Harness
  before(async () => {
    server = await openFreshPglite()
    settlement = await startHarness(server)
  })
  after(async () => {
    await settlement.close()
    await server.close()
  })

  const target = '/v1/settlement-batches'
  const body = JSON.stringify({ member: 'mem_a', currency: 'CNY', cutOff: at(0) })
  const send = (passport: string | null, sent = body) => {
    const call = supertest(settlement.app).post(target).set('content-type', 'application/json')
    return (passport === null ? call : call.set(PASSPORT_HEADER, passport)).send(sent)
  }
  const refused = async (answer: PromiseLike<{ status: number; body: { code: string } }>) => {
    const { status, body: problem } = await answer
    assert.deepEqual([status, problem.code], [401, 'invalid_passport'])
  }
  const claims = { principal: asOperator.principal ?? assert.fail(), assessment: null, receipt: null }
  const passportOf = (keys: PassportKeys, service: string, clock = settlement.clock) =>
    signPassport(keys, clock, service, { method: 'POST', target, body: Buffer.from(body) }, claims)

  test('refuses a call without a passport, or with something that is none', async () => {
    await refused(send(null))
    await refused(send('v1.test.e30.AAAA'))
  })

  test('refuses a passport that somebody else signed', async () => {
    await refused(send(passportOf(testPassportKeys(), 'settlement')))
  })

  test('refuses a passport for another service, and an old one, and one for another body', async () => {
    const right = passportOf(settlement.passports, 'settlement')
    await refused(send(passportOf(settlement.passports, 'risk')))
    await refused(send(right, body.replace('mem_a', 'mem_b')))
    settlement.clock.advance(61_000)
    await refused(send(right))
  })

  test('takes a right one', async () => {
    const call = createCaller(settlement.app, 'settlement', settlement.passports, settlement.clock)
    assert.equal((await call('POST', target, asOperator, { body: JSON.parse(body) })).status, 201)
  })

  test('describes its routes, and not what services tell each other', async () => {
    const { body: document } = await settlement.call('GET', '/openapi.json', asOperator)
    assert.deepEqual(Object.keys(document.paths).sort(), [
      '/v1/breaks',
      '/v1/breaks/{id}',
      '/v1/breaks/{id}/approve',
      '/v1/breaks/{id}/assign',
      '/v1/breaks/{id}/propose',
      '/v1/clearing-positions',
      '/v1/cut-offs/waiting',
      '/v1/dead-letters/settlement',
      '/v1/dead-letters/settlement/{feed}/{seq}',
      '/v1/dead-letters/settlement/{feed}/{seq}/give-up',
      '/v1/dead-letters/settlement/{feed}/{seq}/replay',
      '/v1/net-positions',
      '/v1/notifications',
      '/v1/notifications/{id}',
      '/v1/payment-files/{id}',
      '/v1/reconciliations',
      '/v1/reconciliations/{id}',
      '/v1/settlement-batches',
      '/v1/settlement-batches/{id}',
      '/v1/statements',
      '/v1/statements/{id}',
    ])
  })
})
