import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { money } from '../../../src/kernel/money.ts'
import { ledgerOf } from '../../../src/main/settlement-ledger.ts'
import { asOperator, asService, type Claims } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, cny, fromAlice, key, openCashFlow, rebuildOf } from './cash-flow.ts'
import { assertSound } from './invariants.ts'

onEachStore('a withdrawal', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false })
  })
  after(() => under.close())

  const withdraw = (value: string, more: { claims?: Claims; body?: object; headers?: Record<string, string> } = {}) =>
    under.call('POST', '/v1/withdrawals', more.claims ?? asOperator, {
      body: { account: 'acc_alice', amount: cny(value), reference: 'to her bank', ...more.body },
      ...(more.headers === undefined ? {} : { headers: more.headers }),
    })
  const end = (id: string, how: 'confirm' | 'return', claims = asOperator) =>
    under.call('POST', `/v1/withdrawals/${id}/${how}`, claims, {
      body: how === 'confirm' ? { reference: 'bank 4711' } : { reason: 'account closed' },
    })
  const posted = async (account: string): Promise<string> =>
    (await under.call('GET', `/v1/accounts/${account}`, asOperator)).body.balance.posted.value
  const inTransit = async (): Promise<string> => {
    const shards = ['0', '1', '2', '3'].map((shard) => posted(`acc_transit_cny_${shard}`))
    return (await Promise.all(shards)).reduce((sum, each) => sum + Number(each), 0).toFixed(2)
  }

  test('is off the account at once, and in transit until the bank confirms it', async () => {
    const made = await withdraw('100.00')
    const { id, createdAt, ...rest } = made.body
    assert.match(id, /^wdr_/)
    assert.equal(made.headers['location'], `/v1/withdrawals/${id}`)
    const body = { account: 'acc_alice', amount: cny('100.00'), reference: 'to her bank' }
    assert.deepEqual([made.status, rest], [201, { ...body, state: 'pending', version: 1 }])
    assert.deepEqual([await posted('acc_alice'), await inTransit()], ['900.00', '100.00'])
    const list = await under.call('GET', '/v1/withdrawals', asOperator)
    assert.deepEqual(list.body, { items: [made.body], next: null })
    const [entry] = (await under.call('GET', '/v1/accounts/acc_alice/entries', alice)).body.items
    assert.deepEqual([entry.withdrawal, entry.direction], [id, 'debit'])

    const confirmed = await end(id, 'confirm')
    assert.deepEqual([confirmed.status, confirmed.body.state, confirmed.body.version], [200, 'confirmed', 2])
    assert.deepEqual([await posted('acc_alice'), await inTransit()], ['900.00', '0.00'])
    assert.deepEqual((await under.call('GET', '/v1/withdrawals', asOperator)).body.items, [])
    assert.deepEqual((await under.call('GET', `/v1/withdrawals/${id}`, alice)).body, confirmed.body)
    assert.equal((await under.call('GET', `/v1/withdrawals/${id}`, bob)).status, 404)
    const paid = await under.call('GET', `/v1/transfers/${confirmed.body.transfer}`, asOperator)
    assert.deepEqual([paid.body.to.startsWith('acc_external_cny'), paid.body.reference], [true, 'bank 4711'])
    await assertSound(under.database)
  })

  test('that the bank gives back is on the account again, with the reason', async () => {
    const { body } = await withdraw('50.00')
    const before = await posted('acc_alice')
    const returned = await end(body.id, 'return')
    assert.deepEqual([returned.status, returned.body.state], [200, 'returned'])
    assert.equal(Number(await posted('acc_alice')), Number(before) + 50)
    assert.equal(await inTransit(), '0.00')
    const back = await under.call('GET', `/v1/transfers/${returned.body.transfer}`, alice)
    assert.deepEqual(
      [back.body.to, back.body.amount, back.body.reference, back.body.reverses],
      ['acc_alice', cny('50.00'), 'account closed', body.id],
    )
    await assertSound(under.database)
  })

  test('ends once, whoever asks at the same time', async () => {
    const { body } = await withdraw('10.00')
    const answers = await Promise.all([end(body.id, 'confirm'), end(body.id, 'return'), end(body.id, 'return')])
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409])
    const late = await end(body.id, 'return')
    assert.deepEqual([late.body.code, late.body.state.withdrawal], ['conflict', body.id])
    await assertSound(under.database)
  })

  test('that a service made is not ended by an operator; asked for as settlement does, it ends once', async () => {
    const ledger = ledgerOf({
      async call({ method, target, body, idempotencyKey = '' }) {
        return under.call(method, target, asService('settlement'), { body, headers: key(idempotencyKey) })
      },
    })
    const taken = await ledger.withdraw('pay_1', 'mem_alice', 'acc_alice', money('CNY', 100n))
    assert.equal(taken.kind, 'withdrawn')
    const id = taken.kind === 'withdrawn' ? taken.withdrawal : ''
    for (const how of ['confirm', 'return'] as const) {
      const { status, body } = await end(id, how)
      assert.deepEqual([status, body.code, body.state], [409, 'conflict', { withdrawal: id, state: 'pending' }])
    }
    await ledger.confirm('pay_1:confirm', id, 'pay_1')
    await ledger.confirm('another-key', id, 'pay_1') // it is as it should be
    await assert.rejects(ledger.giveBack('pay_1:return', id, 'not paid'), /confirmed or returned/)
    const strangers = await ledger.withdraw('pay_2', 'mem_bob', 'acc_alice', money('CNY', 100n))
    assert.deepEqual(strangers, { kind: 'refused', detail: 'body/account: is not an account of the member' })
    await assert.rejects(ledger.withdraw('pay_1', 'mem_alice', 'acc_alice', money('CNY', 200n)), /another request/)
    await assertSound(under.database)
  })

  test('is made once for each key', async () => {
    const first = await withdraw('1.00', { headers: key('wdr-1') })
    const again = await withdraw('1.00', { headers: key('wdr-1') })
    assert.deepEqual([again.body, again.headers['idempotency-replayed']], [first.body, 'true'])
    assert.equal((await withdraw('2.00', { headers: key('wdr-1') })).body.code, 'idempotency_key_reused')
  })

  test('takes no more than there is, holds counted, and only what can be taken', async () => {
    const available = (await under.call('GET', '/v1/accounts/acc_alice', alice)).body.balance.available.value
    const hold = { body: fromAlice('100.00', { pending: true }), headers: key('hold') }
    assert.equal((await under.call('POST', '/v1/transfers', alice, hold)).status, 201)
    assert.deepEqual(
      [(await withdraw(available)).status, (await withdraw(available)).body.code],
      [422, 'insufficient_funds'],
    )
    const cases: [object, number, string][] = [
      [{ account: 'acc_none' }, 422, 'unknown_reference'],
      [{ member: 'mem_bob' }, 422, 'unacceptable_value'],
      [{ account: 'acc_external_cny' }, 422, 'unknown_reference'],
      [{ account: 'acc_transit_cny_1' }, 422, 'unknown_reference'],
      [{ amount: { currency: 'JPY', value: '1' } }, 422, 'currency_mismatch'],
      [{ amount: cny('0.00') }, 400, 'validation_failed'],
      [{ pending: true }, 400, 'validation_failed'],
    ]
    for (const [body, status, code] of cases) {
      const answer = await withdraw('1.00', { body })
      assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(body))
    }
  })

  test("is an operator's to make and to end, and no transfer", async () => {
    const { body } = await withdraw('1.00')
    assert.equal((await withdraw('1.00', { claims: alice })).status, 404)
    assert.equal((await end(body.id, 'confirm', alice)).status, 404)
    assert.equal((await end('wdr_none', 'confirm')).status, 404)
    assert.equal((await under.call('GET', '/v1/withdrawals', alice)).status, 404)
    assert.equal((await under.call('GET', '/v1/withdrawals?cursor=bm9uZQ', asOperator)).body.code, 'validation_failed')
    assert.equal((await under.call('GET', `/v1/transfers/${body.id}`, asOperator)).status, 404)
    for (const verb of ['capture', 'void', 'reverse']) {
      const answer = await under.call('POST', `/v1/transfers/${body.id}/${verb}`, asOperator, { body: {} })
      assert.equal(answer.status, 409, verb)
    }
    assert.deepEqual((await rebuildOf(under)).differences, [])
  })

  test('is listed while it is in transit, oldest first, a page at a time', async () => {
    for (const value of ['1.00', '2.00', '3.00']) {
      under.clock.advance(1_000)
      await withdraw(value)
    }
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await under.call('GET', `/v1/withdrawals?limit=2${cursor}`, asOperator)
      seen.push(...body.items.map(({ amount }: { amount: { value: string } }) => amount.value))
      cursor = body.next === null ? '' : `&cursor=${body.next}`
    } while (cursor !== '')
    assert.deepEqual(seen.slice(-3), ['1.00', '2.00', '3.00'])
    assert.equal(await inTransit(), seen.reduce((sum, value) => sum + Number(value), 0).toFixed(2))
  })
})
