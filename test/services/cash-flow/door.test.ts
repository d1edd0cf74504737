import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import supertest from 'supertest'
import { type Clock, type Instant, manualClock, systemClock } from '../../../src/kernel/clock.ts'
import { PASSPORT_HEADER, signPassport } from '../../../src/platform/passport.ts'
import { asAnonymous, asMember, createCaller } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, type CashFlowUnderTest, openCashFlow } from './cash-flow.ts'

onEachStore('the door of cash flow', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false })
  })
  after(() => under.close())

  const target = '/v1/deposits'
  const body = JSON.stringify({ account: 'acc_alice', amount: { currency: 'CNY', value: '1.00' }, reference: 'cash' })
  const operator = {
    principal: { kind: 'operator' as const, id: 'op_olga', scopes: [] },
    assessment: null,
    receipt: null,
  }
  const post = (passport?: string, sent = body) => {
    const request = supertest(under.app).post(target).set('content-type', 'application/json')
    return (passport === undefined ? request : request.set(PASSPORT_HEADER, passport)).send(sent)
  }
  const passportFor = (service: string, at: Clock = systemClock) =>
    signPassport(under.keys, at, service, { method: 'POST', target, body: Buffer.from(body) }, operator)

  test('lets in only who carries a passport for exactly this request', async () => {
    const good = passportFor('cash-flow')
    assert.equal((await post(good)).status, 201)
    const forged = good.slice(0, -4) + (good.endsWith('AAAA') ? 'BBBB' : 'AAAA')
    const cases: [string, ReturnType<typeof post>][] = [
      ['no passport', post()],
      ['a forged one', post(forged)],
      ['an expired one', post(passportFor('cash-flow', manualClock((systemClock.now() - 120_000) as Instant)))],
      ["another service's", post(passportFor('settlement'))],
      ['one for another body', post(good, body.replace('1.00', '9.00'))],
    ]
    for (const [what, call] of cases) {
      const answer = await call
      assert.deepEqual([answer.status, answer.body.code], [401, 'invalid_passport'], what)
    }
  })

  test('has nothing for a caller who is nobody', async () => {
    assert.equal((await under.call('GET', '/v1/accounts/acc_alice', asAnonymous)).status, 404)
  })

  test("keeps one caller's keys apart from another's", async () => {
    const call = createCaller(under.app, 'cash-flow', under.keys, systemClock)
    const transfer = { from: 'acc_alice', to: 'acc_bob', amount: { currency: 'CNY', value: '1.00' }, reference: 'x' }
    const headers = { 'idempotency-key': 'same' }
    const mine = await call('POST', '/v1/transfers', alice, { body: transfer, headers })
    const theirs = await call('POST', '/v1/transfers', operator, { body: transfer, headers })
    assert.deepEqual([mine.status, theirs.status], [201, 201])
    assert.notEqual(mine.body.id, theirs.body.id)
    const other = await call('GET', `/v1/operations/${theirs.body.operation}`, asMember('mem_carol'))
    assert.equal(other.status, 404)
  })

  test('refuses a broken body', async () => {
    const broken = '{"account":"acc_alice",'
    const request = { method: 'POST', target, body: Buffer.from(broken) }
    const answer = await post(signPassport(under.keys, systemClock, 'cash-flow', request, operator), broken)
    assert.deepEqual([answer.status, answer.body.code], [400, 'invalid_json'])
  })
})
