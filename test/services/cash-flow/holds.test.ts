import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { operationIdOf } from '../../../src/kernel/operation-id.ts'
import { asOperator, asService, type Claims } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import {
  alice,
  bob,
  type CashFlowUnderTest,
  carol,
  cny,
  fromAlice,
  held,
  key,
  openCashFlow,
  untilState,
} from './cash-flow.ts'

onEachStore('a hold', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open())
  })
  after(() => under.close())

  const transfer = (body: object, name: string, claims: Claims) =>
    under.call('POST', '/v1/transfers', claims, { body, headers: key(name) })
  const change = (id: string, what: string, claims: Claims, body?: object) =>
    under.call('POST', `/v1/transfers/${id}/${what}`, claims, body === undefined ? {} : { body })
  const balanceOf = async (name: string) => {
    const { body } = await under.call('GET', `/v1/accounts/acc_${name}`, asOperator)
    return [body.balance.posted.value, body.balance.pending.value, body.balance.available.value]
  }

  test('of risk control is 202, its operation readable at once, and the money reserved', async () => {
    const answer = await transfer(fromAlice('10.00'), 'reviewed', held(alice))
    const operation = operationIdOf('mem_alice', 'reviewed')
    assert.equal(answer.status, 202)
    assert.equal(answer.headers['location'], `/v1/operations/${operation}`)
    assert.deepEqual(answer.body, { operation, id: operation, state: 'held', transfer: answer.body.transfer })
    const read = await under.call('GET', `/v1/operations/${operation}`, alice)
    assert.deepEqual([read.body.state, read.body.transfer], ['held', answer.body.transfer])
    assert.deepEqual(await balanceOf('alice'), ['1000.00', '10.00', '990.00'])
    assert.deepEqual(await balanceOf('bob'), ['1000.00', '0.00', '1000.00'])
    const seen = await under.call('GET', `/v1/transfers/${answer.body.transfer}`, alice)
    assert.deepEqual([seen.body.state, seen.body.expiresAt], ['held', '2026-03-05T10:00:00.000Z'])
  })

  test('of risk control is not the members to decide on, and the payee does not know of it', async () => {
    const { body } = await transfer(fromAlice('10.00'), 'reviewed', alice)
    for (const what of ['capture', 'void']) {
      const payer = await change(body.transfer, what, alice, {})
      assert.deepEqual([payer.status, payer.body.code, payer.body.state.state], [409, 'conflict', 'held'])
      assert.equal((await change(body.transfer, what, bob, {})).status, 404)
    }
    assert.equal((await change(body.transfer, 'capture', asOperator, {})).status, 409)
    assert.equal((await under.call('GET', `/v1/transfers/${body.transfer}`, bob)).status, 404)
  })

  test('is captured once by an approval; a decision that comes later changes nothing', async () => {
    const { body } = await transfer(fromAlice('10.00'), 'reviewed', alice)
    for (const type of ['review.approved', 'review.approved', 'review.declined'] as const)
      under.tell(type, body.transfer)
    await untilState(under, body.operation, 'succeeded')
    const { body: next } = await transfer(fromAlice('1.00'), 'behind', held(alice))
    under.tell('review.declined', next.transfer)
    const declined = await untilState(under, next.operation, 'failed') // the feed is past the three decisions
    assert.equal(declined['reason'], 'declined')
    assert.deepEqual(await balanceOf('alice'), ['990.00', '0.00', '990.00'])
    assert.deepEqual(await balanceOf('bob'), ['1010.00', '0.00', '1010.00'])
    const posted = await under.call('GET', `/v1/transfers/${body.transfer}`, bob)
    assert.deepEqual([posted.body.state, posted.body.version, posted.body.captured], ['posted', 2, cny('10.00')])
    const voided = await under.call('GET', `/v1/transfers/${next.transfer}`, alice)
    assert.deepEqual([voided.body.state, voided.body.reason], ['voided', 'declined'])
    const again = await transfer(fromAlice('10.00'), 'reviewed', alice)
    assert.deepEqual([again.status, again.body.state], [202, 'held'])
  })

  test('can be voided by an operator, and by no service', async () => {
    const { body } = await transfer(fromAlice('5.00'), 'by-operator', held(alice))
    assert.equal((await change(body.transfer, 'void', asService('risk'))).status, 404)
    const answer = await change(body.transfer, 'void', asOperator)
    assert.deepEqual([answer.status, answer.body.state, answer.body.reason], [200, 'voided', 'voided'])
    assert.equal((await change(body.transfer, 'void', asOperator)).status, 409)
  })

  test('expires: it can not be captured from then on, and the sweeper releases the money', async () => {
    const { body } = await transfer(fromAlice('7.00'), 'expiring', held(alice, 60_000))
    const own = await transfer(fromAlice('4.00', { pending: true }), 'own-expiring', alice)
    under.clock.advance(72 * 3_600_000)
    const late = await change(own.body.id, 'capture', bob, {})
    assert.deepEqual([late.status, late.body.code], [409, 'conflict'])
    under.tell('review.approved', body.transfer)
    for (const { operation } of [body, own.body]) {
      const ended = await untilState(under, operation, 'failed')
      assert.equal(ended['reason'], 'expired')
    }
    assert.deepEqual((await balanceOf('alice'))[1], '0.00')
  })

  test('of the members is 201 pending; the payee captures a part and the rest is released', async () => {
    const before = await balanceOf('alice')
    const made = await transfer(fromAlice('20.00', { pending: true }), 'pending', alice)
    assert.deepEqual([made.status, made.body.state], [201, 'pending'])
    assert.equal((await change(made.body.id, 'capture', carol, {})).status, 404)
    const tooMuch = await change(made.body.id, 'capture', bob, { amount: cny('20.01') })
    assert.deepEqual([tooMuch.status, tooMuch.body.code], [422, 'unacceptable_value'])
    const foreign = await change(made.body.id, 'capture', bob, { amount: { currency: 'USD', value: '1.00' } })
    assert.deepEqual([foreign.status, foreign.body.code], [422, 'currency_mismatch'])
    const captured = await change(made.body.id, 'capture', bob, { amount: cny('12.00') })
    assert.deepEqual([captured.status, captured.body.state, captured.body.captured], [200, 'posted', cny('12.00')])
    const after = await balanceOf('alice')
    assert.deepEqual(after, [String((Number(before[0]) - 12).toFixed(2)), '0.00', after[0]])
    const entries = await under.call('GET', '/v1/accounts/acc_alice/entries?limit=3', alice)
    assert.deepEqual(
      entries.body.items.map((entry: { phase: string; amount: object }) => [entry.phase, entry.amount]),
      [
        ['post', cny('12.00')], // once it has arrived in Bob's shard
        ['release', cny('8.00')],
        ['reserve', cny('20.00')],
      ],
    )
    assert.equal((await change(made.body.id, 'capture', bob, {})).status, 409)
    assert.equal((await change(made.body.id, 'void', alice)).status, 409)
  })

  test('of the members can be voided by the payer, and captured by the payer in full', async () => {
    const one = await transfer(fromAlice('3.00', { pending: true }), 'void-me', alice)
    assert.deepEqual((await change(one.body.id, 'void', alice)).body.state, 'voided')
    const two = await transfer(fromAlice('3.00', { pending: true }), 'capture-me', alice)
    assert.deepEqual((await change(two.body.id, 'capture', alice, {})).body.captured, cny('3.00'))
  })

  test('is not both: what risk control holds can not be pending as well', async () => {
    const answer = await transfer(fromAlice('1.00', { pending: true }), 'both', held(alice))
    assert.deepEqual([answer.status, answer.body.code], [422, 'unacceptable_value'])
  })

  test('counts against what is available', async () => {
    await transfer(fromAlice('900.00', { pending: true }), 'most', alice)
    const answer = await transfer(fromAlice('900.00'), 'more', alice)
    assert.deepEqual([answer.status, answer.body.code], [422, 'insufficient_funds'])
  })

  test('a posted transfer is reversed once, by its payee or an operator, out of what the payee has', async () => {
    const { body } = await transfer(fromAlice('2.00'), 'to-reverse', alice)
    assert.equal((await change(body.id, 'reverse', alice)).status, 409)
    assert.equal((await change(body.id, 'reverse', carol)).status, 404)
    const answer = await change(body.id, 'reverse', bob)
    assert.deepEqual(
      [answer.status, answer.body.from, answer.body.to, answer.body.amount, answer.body.reverses],
      [201, 'acc_bob', 'acc_alice', cny('2.00'), body.id],
    )
    const again = await change(body.id, 'reverse', asOperator)
    assert.deepEqual([again.status, again.body.state.reversedBy], [409, answer.body.id])
    assert.equal((await change(answer.body.id, 'reverse', asOperator)).status, 409)
    const original = await under.call('GET', `/v1/transfers/${body.id}`, alice)
    assert.deepEqual([original.body.reversedBy, original.body.version], [answer.body.id, 2])

    const spent = await transfer(fromAlice('4.00'), 'spent', alice)
    const rest = (await balanceOf('bob'))[2]
    const away = { from: 'acc_bob', to: 'acc_alice', amount: cny(rest ?? ''), reference: 'all of it' }
    assert.equal((await transfer(away, 'away', bob)).status, 201)
    const broke = await change(spent.body.id, 'reverse', asOperator)
    assert.deepEqual([broke.status, broke.body.code], [422, 'insufficient_funds'])
  })
})
