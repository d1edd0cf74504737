import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import type { Express } from 'express'
import supertest from 'supertest'
import { type Instant, systemClock } from '../../../src/kernel/clock.ts'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import { createDoor } from '../../../src/platform/door.ts'
import { createLog } from '../../../src/platform/log.ts'
import { PASSPORT_HEADER, signPassport } from '../../../src/platform/passport.ts'
import { createProduct, productMigrations } from '../../../src/services/product/index.ts'
import { testPassportKeys } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'

const target = '/v1/products'
const body = JSON.stringify({ name: 'Basic', currency: 'CNY' })
const minutesFromNow = (minutes: number) => ({ now: () => (systemClock.now() + minutes * 60_000) as Instant })

onEachStore("the product service's door", (store) => {
  const passports = testPassportKeys()
  let server: DatabaseServer
  let door: Express
  before(async () => {
    server = await store.open()
    const database = await server.open('product', productMigrations)
    const { routes } = createProduct({ database, clock: systemClock })
    door = createDoor({ service: 'product', routes, passports, clock: systemClock, log: createLog('silent') })
  })
  after(() => server.close())

  const sign = (changed: {
    keys?: typeof passports
    aud?: string
    method?: string
    target?: string
    minutes?: number
  }) =>
    signPassport(
      changed.keys ?? passports,
      minutesFromNow(changed.minutes ?? 0),
      changed.aud ?? 'product',
      { method: changed.method ?? 'POST', target: changed.target ?? target, body: Buffer.from(body) },
      { principal: { kind: 'operator', id: 'op_olga', scopes: [] }, assessment: null, receipt: 'rcp_test' },
    )
  const send = (passport: string | null, sent = body) => {
    const call = supertest(door).post(target).set('content-type', 'application/json')
    return (passport === null ? call : call.set(PASSPORT_HEADER, passport)).send(sent)
  }

  it('lets in what carries a valid passport', async () => {
    assert.equal((await send(sign({}))).status, 201)
  })

  const refused: readonly [why: string, passport: () => string | null, sent?: string][] = [
    ['without a passport', () => null],
    ['with something that is no passport', () => 'v1.test.x.y'],
    ['with a passport signed with another key', () => sign({ keys: testPassportKeys() })],
    ['with a passport whose claims were changed', () => sign({}).replace(/\.([^.]+)\.([^.]+)$/, '.$1A.$2')],
    ['with an expired passport', () => sign({ minutes: -2 })],
    ['with a passport from the future', () => sign({ minutes: 2 })],
    ['with a passport for another service', () => sign({ aud: 'membership' })],
    ['with a passport for another method', () => sign({ method: 'GET' })],
    ['with a passport for another target', () => sign({ target: '/v1/products?asOf=1' })],
    ['with a passport for another body', () => sign({}), body.replace('Basic', 'Gratis')],
  ]
  for (const [why, passport, sent] of refused) {
    it(`refuses a call ${why}`, async () => {
      const answer = await send(passport(), sent)
      assert.deepEqual([answer.status, answer.body.code], [401, 'invalid_passport'])
    })
  }

  it('refuses what is not JSON it accepts', async () => {
    const bodies = ['{"name":"A","name":"B","currency":"CNY"}', '{"__proto__":{},"name":"A"}', '{"name":']
    for (const text of bodies) {
      const passport = signPassport(
        passports,
        systemClock,
        'product',
        { method: 'POST', target, body: Buffer.from(text) },
        { principal: { kind: 'operator', id: 'op_olga', scopes: [] }, assessment: null, receipt: null },
      )
      const answer = await send(passport, text)
      assert.deepEqual([answer.status, answer.body.code], [400, 'invalid_json'], text)
    }
  })
})
