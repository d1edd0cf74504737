import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { asOperator, type Claims } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, cny, fromAlice, key, openCashFlow, rebuildOf } from './cash-flow.ts'
import { assertSound } from './invariants.ts'

onEachStore('a credit line', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false })
  })
  after(() => under.close())

  const set = (value: string, more: { claims?: Claims; account?: string; headers?: Record<string, string> } = {}) =>
    under.call('POST', `/v1/accounts/${more.account ?? 'acc_alice'}/credit-lines`, more.claims ?? asOperator, {
      body: { creditLine: cny(value), reason: `up to ${value}` },
      ...(more.headers === undefined ? {} : { headers: more.headers }),
    })
  const pay = (value: string, name: string, more: Record<string, unknown> = {}) =>
    under.call('POST', '/v1/transfers', alice, { body: fromAlice(value, more), headers: key(name) })
  const account = async (query = '') => (await under.call('GET', `/v1/accounts/acc_alice${query}`, alice)).body

  test('is none at first, and is seen in the account', async () => {
    assert.deepEqual((await account()).creditLine, cny('0.00'))
    assert.equal((await pay('1000.01', 'too-early')).body.code, 'insufficient_funds')
    const first = await set('500.00')
    const { createdAt, ...line } = first.body
    assert.deepEqual([first.status, createdAt], [201, '2026-03-02T10:00:00.000Z'])
    const creditLine = cny('500.00')
    assert.deepEqual(line, { account: 'acc_alice', version: 1, creditLine, reason: 'up to 500.00', setBy: 'op_olga' })
    assert.deepEqual((await account()).creditLine, creditLine)
  })

  test('lets the account go below zero, holds counted, and no further', async () => {
    assert.equal((await pay('1200.00', 'below')).status, 201)
    assert.deepEqual((await account()).balance.available, cny('-200.00'))
    assert.equal((await pay('200.00', 'held', { pending: true })).status, 201)
    assert.equal((await pay('100.01', 'beyond')).body.code, 'insufficient_funds')
    assert.equal((await pay('100.00', 'to-the-floor')).status, 201)
    await assertSound(under.database)
  })

  test('that is lower than what is used stops debits and takes nothing back', async () => {
    assert.equal((await set('100.00')).body.version, 2)
    const { balance, creditLine } = await account()
    assert.deepEqual([balance.available, creditLine], [cny('-500.00'), cny('100.00')])
    assert.equal((await pay('0.01', 'while-over')).body.code, 'insufficient_funds')
    const { body: hold } = await under.call('GET', '/v1/transfers?idempotencyKey=held', alice)
    const captured = await under.call('POST', `/v1/transfers/${hold.items[0].id}/capture`, alice, { body: {} })
    assert.equal(captured.status, 200, 'what was reserved can be captured')
    const deposit = { account: 'acc_alice', amount: cny('450.00'), reference: 'cash' }
    assert.equal((await under.call('POST', '/v1/deposits', asOperator, { body: deposit })).status, 201)
    assert.equal((await pay('50.01', 'still-over')).body.code, 'insufficient_funds')
    assert.equal((await pay('50.00', 'within')).status, 201)
    await assertSound(under.database)
  })

  test('is kept in every version, and read as it was', async () => {
    const lines = await under.call('GET', '/v1/accounts/acc_alice/credit-lines?limit=1', asOperator)
    assert.deepEqual(
      lines.body.items.map(({ version, creditLine }: { version: number; creditLine: object }) => [version, creditLine]),
      [[2, cny('100.00')]],
    )
    const older = await under.call('GET', `/v1/accounts/acc_alice/credit-lines?cursor=${lines.body.next}`, asOperator)
    assert.deepEqual(
      [older.body.items[0].version, older.body.items[0].reason, older.body.next],
      [1, 'up to 500.00', null],
    )
    assert.deepEqual((await account('?asOf=1')).creditLine, cny('0.00'), 'before there was one')
    const { version } = await account()
    assert.deepEqual((await account(`?asOf=${version}`)).creditLine, cny('100.00'))
    under.clock.advance(60_000)
    const then = new Date(under.clock.now() - 1).toISOString()
    await set('300.00')
    assert.deepEqual((await account(`?asOf=${then}`)).creditLine, cny('100.00'))
    assert.deepEqual((await rebuildOf(under)).differences, [])
  })

  test('raised and lowered in one batch holds for each command in its order', async () => {
    const [raised, paid, lowered, refused] = await Promise.all([
      set('5000.00'),
      pay('3000.00', 'between', { to: 'acc_carol' }),
      set('0.00'),
      pay('1.00', 'behind', { to: 'acc_carol' }),
    ])
    assert.deepEqual([raised.status, paid.status, lowered.status, refused.status], [201, 201, 201, 422])
    await assertSound(under.database)
  })

  test('is set once for each key', async () => {
    const first = await set('250.00', { headers: key('line-1') })
    const again = await set('250.00', { headers: key('line-1') })
    assert.deepEqual([again.body, again.headers['idempotency-replayed']], [first.body, 'true'])
    assert.equal((await set('251.00', { headers: key('line-1') })).body.code, 'idempotency_key_reused')
  })

  test("is an operator's to set, on a member's account, in its currency, and not below zero", async () => {
    for (const claims of [alice, bob]) assert.equal((await set('1.00', { claims })).status, 404)
    for (const name of ['acc_none', 'acc_external_cny'])
      assert.equal((await set('1.00', { account: name })).status, 404)
    assert.equal((await set('-1.00')).body.code, 'validation_failed')
    const body = { creditLine: { currency: 'JPY', value: '1' }, reason: 'yen' }
    const foreign = await under.call('POST', '/v1/accounts/acc_alice/credit-lines', asOperator, { body })
    assert.deepEqual([foreign.status, foreign.body.code], [422, 'currency_mismatch'])
    assert.equal((await under.call('GET', '/v1/accounts/acc_alice/credit-lines', alice)).status, 404)
  })
})
