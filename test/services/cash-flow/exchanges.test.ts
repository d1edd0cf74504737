import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { money } from '../../../src/kernel/money.ts'
import { asOperator, type Claims } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, cny, fromAlice, key, openCashFlow, rebuildOf } from './cash-flow.ts'
import { assertSound } from './invariants.ts'

const usd = (value: string) => ({ currency: 'USD', value })

onEachStore('an exchange', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false })
    for (const name of ['alice', 'bob']) {
      const account = { id: `acc_${name}_usd`, member: `mem_${name}`, product: 'prd_dollar', currency: 'USD' } as const
      await under.cashFlow.seedAccount(account, money('USD', 50_000n))
    }
  })
  after(() => under.close())

  const setRate = (rate: string, more: { body?: object; claims?: Claims; headers?: Record<string, string> } = {}) => {
    const expiresAt = new Date(under.clock.now() + 60_000).toISOString()
    const body = { from: 'USD', to: 'CNY', rate, expiresAt, ...more.body }
    const headers = more.headers === undefined ? {} : { headers: more.headers }
    return under.call('POST', '/v1/exchange-rates', more.claims ?? asOperator, { body, ...headers })
  }
  const exchange = (value: string, version: number, name: string, more: { claims?: Claims; body?: object } = {}) => {
    const body = {
      ...{ from: 'acc_alice_usd', to: 'acc_alice', amount: usd(value), reference: 'for the trip' },
      rate: { pair: 'USD-CNY', version },
      ...more.body,
    }
    return under.call('POST', '/v1/exchanges', more.claims ?? alice, { body, headers: key(name) })
  }
  const posted = async (account: string): Promise<string> =>
    (await under.call('GET', `/v1/accounts/${account}`, asOperator)).body.balance.posted.value

  test('goes by a rate that an operator has set, each a version of its pair', async () => {
    const first = await setRate('7.1')
    const { createdAt, expiresAt, ...rest } = first.body
    assert.deepEqual([first.status, rest], [201, { pair: 'USD-CNY', version: 1, rate: '7.1', setBy: 'op_olga' }])
    assert.ok(createdAt < expiresAt)
    assert.equal((await setRate('7.2', { headers: { 'if-match': '"1"' } })).body.version, 2)
    assert.equal((await setRate('7.3', { headers: { 'if-match': '"1"' } })).status, 412)
    const twice = await Promise.all([setRate('7.12345'), setRate('7.12345')])
    assert.deepEqual(twice.map(({ body }) => body.version).sort(), [3, 4])
    const list = await under.call('GET', '/v1/exchange-rates/USD-CNY?limit=3', bob)
    assert.deepEqual(
      list.body.items.map(({ rate }: { rate: string }) => rate),
      ['7.12345', '7.12345', '7.2'],
    )
    const older = await under.call('GET', `/v1/exchange-rates/USD-CNY?cursor=${list.body.next}`, bob)
    assert.deepEqual([older.body.items[0].version, older.body.next], [1, null])
    assert.equal((await under.call('GET', '/v1/exchange-rates/USD-EUR', bob)).status, 404)
  })

  test('is two transfers through the own accounts of the bank, and a third for what rounding cut off', async () => {
    const made = await exchange('100.01', 4, 'one')
    const { id, createdAt, transfers, ...rest } = made.body
    assert.match(id, /^xch_/)
    assert.deepEqual(
      [made.status, rest],
      [
        201,
        {
          ...{ from: 'acc_alice_usd', to: 'acc_alice', paid: usd('100.01'), received: cny('712.41') },
          ...{ residue: cny('0.01'), rate: '7.12345', rateVersion: 4, reference: 'for the trip', version: 1 },
        },
      ],
    )
    assert.deepEqual([await posted('acc_alice_usd'), await posted('acc_alice')], ['399.99', '1712.41'])
    assert.deepEqual(
      [await posted('acc_liquidity_usd_1'), await posted('acc_liquidity_cny_1'), await posted('acc_rounding_cny_1')],
      ['100.01', '-712.42', '0.01'],
    )
    const read = await under.call('GET', `/v1/transfers/${transfers.received}`, alice)
    assert.deepEqual(
      [read.body.partOf, read.body.from, read.body.to, read.body.amount],
      [id, 'acc_liquidity_cny_1', 'acc_alice', cny('712.41')],
    )
    assert.deepEqual((await under.call('GET', `/v1/exchanges/${id}`, alice)).body, made.body)
    assert.equal((await under.call('GET', `/v1/exchanges/${id}`, bob)).status, 404)
    for (const verb of ['capture', 'void', 'reverse']) {
      const answer = await under.call('POST', `/v1/transfers/${transfers.paid}/${verb}`, alice, { body: {} })
      assert.equal(answer.status, 409, verb)
    }
    const again = await exchange('100.01', 4, 'one')
    assert.deepEqual([again.body, again.headers['idempotency-replayed']], [made.body, 'true'])
    await assertSound(under.database)
  })

  test('rounds nothing where nothing is to be rounded', async () => {
    await setRate('7')
    const { body } = await exchange('1.00', 5, 'even')
    assert.deepEqual([body.received, body.residue, body.transfers.rounding], [cny('7.00'), cny('0.00'), null])
  })

  test('is at the rate that was quoted, or not at all; its key stays free, and a replay needs no rate', async () => {
    const before = await posted('acc_alice_usd')
    const replaced = await exchange('1.00', 4, 'quoted')
    assert.deepEqual([replaced.status, replaced.body.code], [409, 'rate_changed'])
    assert.deepEqual([replaced.body.state.version, replaced.body.state.rate], [5, '7'])
    assert.equal((await exchange('1.00', 5, 'quoted')).status, 201)
    under.clock.advance(60_000)
    assert.equal((await exchange('1.00', 5, 'late')).body.code, 'rate_changed')
    assert.equal((await exchange('1.00', 5, 'quoted')).headers['idempotency-replayed'], 'true')
    const never = await exchange('1.00', 1, 'never', {
      body: { from: 'acc_alice', to: 'acc_alice_usd', amount: cny('1.00'), rate: { pair: 'CNY-USD', version: 1 } },
    })
    assert.deepEqual([never.body.code, never.body.state], ['rate_changed', { pair: 'CNY-USD', version: null }])
    assert.equal(Number(await posted('acc_alice_usd')), Number(before) - 1)
  })

  test('is between two accounts of one member, in two currencies, out of what there is', async () => {
    const { version } = (await setRate('0.001')).body
    const cases: [string, object, Claims, number, string][] = [
      ["another member's money", { from: 'acc_bob_usd' }, alice, 404, 'not_found'],
      ['to another member', { to: 'acc_bob' }, alice, 422, 'unacceptable_value'],
      ['to nowhere', { to: 'acc_none' }, alice, 422, 'unknown_reference'],
      ['to the bank', { to: 'acc_liquidity_cny_1' }, alice, 422, 'unknown_reference'],
      ['in one currency', { to: 'acc_alice_usd' }, alice, 422, 'unacceptable_value'],
      ['another amount', { amount: cny('1.00') }, alice, 422, 'currency_mismatch'],
      ['another pair', { rate: { pair: 'CNY-USD', version } }, alice, 422, 'currency_mismatch'],
      ['too much', { amount: usd('5000.00') }, alice, 422, 'insufficient_funds'],
      ['what comes to nothing', { amount: usd('0.01') }, alice, 422, 'unacceptable_value'],
      ['a rate of its own', { rate: { pair: 'USD-CNY', version, rate: '9' } }, alice, 400, 'validation_failed'],
    ]
    for (const [what, body, claims, status, code] of cases) {
      const answer = await exchange('1.00', version, what.replaceAll(/\W/g, '-'), { body, claims })
      assert.deepEqual([answer.status, answer.body.code], [status, code], what)
    }
    assert.equal((await exchange('20.00', version, 'by-olga', { claims: asOperator })).status, 201)
    const plain = { body: fromAlice('1.00', { from: 'acc_alice_usd', amount: usd('1.00') }), headers: key('plain') }
    assert.equal((await under.call('POST', '/v1/transfers', alice, plain)).body.code, 'currency_mismatch')
    const keyless = { from: 'acc_alice_usd', to: 'acc_alice', amount: usd('1.00'), reference: 'x' }
    const body = { ...keyless, rate: { pair: 'USD-CNY', version } }
    assert.equal((await under.call('POST', '/v1/exchanges', alice, { body })).body.code, 'idempotency_key_required')
    await assertSound(under.database)
    assert.deepEqual((await rebuildOf(under)).differences, [])
  })

  test('a rate is for two currencies, a plain number, and for a time that is not over and ends soon', async () => {
    const cases: [object, string][] = [
      [{ to: 'USD' }, 'unacceptable_value'],
      [{ expiresAt: new Date(under.clock.now()).toISOString() }, 'unacceptable_value'],
      [{ expiresAt: '2027-03-02T10:00:00Z' }, 'unacceptable_value'],
      [{ expiresAt: 'tomorrow' }, 'validation_failed'],
      [{ rate: '0.0' }, 'validation_failed'],
      [{ rate: '1e3' }, 'validation_failed'],
      [{ to: 'XXX' }, 'validation_failed'],
    ]
    for (const [body, code] of cases) assert.equal((await setRate('7', { body })).body.code, code, JSON.stringify(body))
    assert.equal((await setRate('7', { claims: alice })).status, 404)
  })
})
