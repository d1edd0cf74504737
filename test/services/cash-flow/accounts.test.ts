import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { CURRENCIES, money } from '../../../src/kernel/money.ts'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, carol, cny, fromAlice, key, openCashFlow } from './cash-flow.ts'

onEachStore('an account', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open(), { start: false })
  })
  after(() => under.close())

  const open = (claims = carol, more: object = {}) =>
    under.call('POST', '/v1/accounts', claims, {
      body: { member: 'mem_carol', product: 'prd_basic', currency: 'CNY', ...more },
    })
  const deposit = (body: object, headers = {}, claims = asOperator) =>
    under.call('POST', '/v1/deposits', claims, { body, headers })
  /** To an account in the same shard: one entry on each side. */
  const transfer = (value: string, name: string) =>
    under.call('POST', '/v1/transfers', alice, { body: fromAlice(value, { to: 'acc_carol' }), headers: key(name) })

  test('opens at version 0 without money', async () => {
    const answer = await open()
    assert.equal(answer.status, 201)
    assert.equal(answer.headers['location'], `/v1/accounts/${answer.body.id}`)
    const nothing = { posted: cny('0.00'), pending: cny('0.00'), available: cny('0.00') }
    const { id, ...body } = answer.body
    assert.deepEqual(body, {
      ...{ member: 'mem_carol', product: 'prd_basic', currency: 'CNY', balance: nothing, creditLine: cny('0.00') },
      version: 0,
    })
    assert.deepEqual((await under.call('GET', `/v1/accounts/${id}`, carol)).body, answer.body)
    assert.deepEqual((await under.call('GET', `/v1/accounts/${id}/entries`, carol)).body, { items: [], next: null })
  })

  test('is opened by its member or an operator, under what exists', async () => {
    assert.equal((await open(asOperator)).status, 201)
    assert.equal((await open(bob)).status, 404)
    for (const more of [{ member: 'mem_nobody' }, { product: 'prd_none' }]) {
      const answer = await open(asOperator, more)
      assert.deepEqual([answer.status, answer.body.code], [422, 'unknown_reference'])
    }
    const otherCurrency = await open(carol, { currency: 'JPY' })
    assert.deepEqual([otherCurrency.status, otherCurrency.body.code], [422, 'currency_mismatch'])
    for (const more of [{ currency: 'XXX' }, { fee: 1 }, { member: 7 }]) {
      const answer = await open(carol, more)
      assert.deepEqual([answer.status, answer.body.code], [400, 'validation_failed'])
    }
  })

  test("is its member's and an operator's to read; the outside's account is no member's", async () => {
    for (const path of ['/v1/accounts/acc_alice', '/v1/accounts/acc_alice/entries']) {
      assert.equal((await under.call('GET', path, alice)).status, 200)
      assert.equal((await under.call('GET', path, asOperator)).status, 200)
      assert.equal((await under.call('GET', path, bob)).status, 404)
    }
    assert.equal((await under.call('GET', '/v1/accounts/acc_external_cny', alice)).status, 404)
    const outside = await Promise.all(
      ['', '_1', '_2', '_3'].map((shard) => under.call('GET', `/v1/accounts/acc_external_cny${shard}`, asOperator)),
    )
    const posted = outside.map(({ body }) => Number(body.balance.posted.value))
    assert.equal(
      posted.reduce((sum, each) => sum + each),
      -3000,
      'over all shards',
    )
    for (const currency of CURRENCIES) {
      const path = `/v1/accounts/acc_external_${currency.toLowerCase()}`
      assert.equal((await under.call('GET', path, asOperator)).body.currency, currency)
    }
  })

  test('takes deposits from an operator, once for each key', async () => {
    const { body: account } = await open()
    const body = { account: account.id, amount: cny('50.00'), reference: 'cash' }
    const first = await deposit(body, key('dep-1'))
    assert.equal(first.status, 201)
    const { id, createdAt, ...rest } = first.body
    assert.match(id, /^dep_/)
    assert.deepEqual([rest, createdAt], [{ ...body, version: 1 }, '2026-03-02T10:00:00.000Z'])
    const again = await deposit(body, key('dep-1'))
    assert.deepEqual([again.body.id, again.headers['idempotency-replayed']], [id, 'true'])
    await deposit(body)
    const read = await under.call('GET', `/v1/accounts/${account.id}`, carol)
    assert.deepEqual(read.body.balance.posted, cny('100.00'))
    const [entry] = (await under.call('GET', `/v1/accounts/${account.id}/entries`, carol)).body.items.slice(-1)
    assert.deepEqual([entry.deposit, entry.transfer], [id, undefined])
    assert.equal((await under.call('GET', `/v1/transfers/${id}`, carol)).status, 404)
  })

  test('refuses what is no deposit', async () => {
    const good = { account: 'acc_alice', amount: cny('1.00'), reference: 'cash' }
    const cases: [object, number, string][] = [
      [{ ...good, account: 'acc_none' }, 422, 'unknown_reference'],
      [{ ...good, account: 'acc_external_cny' }, 422, 'unknown_reference'],
      [{ ...good, amount: { currency: 'JPY', value: '1' } }, 422, 'currency_mismatch'],
      [{ ...good, amount: cny('-1.00') }, 400, 'validation_failed'],
      [{ ...good, amount: cny('1.000') }, 400, 'validation_failed'],
      [{ ...good, extra: true }, 400, 'validation_failed'],
    ]
    for (const [body, status, code] of cases) {
      const answer = await deposit(body)
      assert.deepEqual([answer.status, answer.body.code], [status, code])
    }
    const outOfBounds = { ...good, amount: cny('9999999999999999.00') }
    for (let sum = 0; sum < 4; sum++) await deposit(outOfBounds)
    const answer = await deposit(outOfBounds)
    assert.deepEqual([answer.status, answer.body.code], [422, 'unacceptable_value'])
    assert.equal((await deposit(good, {}, alice)).status, 404)
  })

  test('is seeded once, however often that is asked', async () => {
    const account = { id: 'acc_seeded', member: 'mem_alice', product: 'prd_basic', currency: 'CNY' } as const
    for (let time = 0; time < 3; time++) await under.cashFlow.seedAccount(account, money('CNY', 500n))
    const read = await under.call('GET', '/v1/accounts/acc_seeded', alice)
    assert.deepEqual([read.body.balance.posted, read.body.version], [cny('5.00'), 1])
  })

  test('can be read as it was, at a time or a version', async () => {
    const opened = (await open()).body.id
    const stamps: string[] = []
    for (const value of ['1.00', '2.00', '3.00']) {
      under.clock.advance(60_000)
      await deposit({ account: opened, amount: cny(value), reference: 'cash' })
      stamps.push(new Date(under.clock.now()).toISOString())
    }
    const asOf = async (moment: string) => {
      const answer = await under.call('GET', `/v1/accounts/${opened}?asOf=${encodeURIComponent(moment)}`, carol)
      return answer.status === 200 ? [answer.body.version, answer.body.balance.posted.value] : answer.status
    }
    assert.deepEqual(await asOf('0'), [0, '0.00'])
    assert.deepEqual(await asOf('2'), [2, '3.00'])
    assert.equal(await asOf('4'), 404)
    assert.deepEqual(await asOf(stamps[1] ?? ''), [2, '3.00'])
    assert.deepEqual(await asOf('2026-03-02T18:02:59+08:00'), [2, '3.00'])
    assert.equal(await asOf('2020-01-01T00:00:00Z'), 404)
    assert.equal(await asOf('yesterday'), 400)
  })

  test('lists its entries newest first, a page at a time, within a time range', async () => {
    for (let index = 0; index < 5; index++) await transfer('1.00', `page-${index}`)
    const versions: number[] = []
    let cursor = ''
    do {
      const path = `/v1/accounts/acc_alice/entries?limit=2${cursor}`
      const { body } = await under.call('GET', path, alice)
      versions.push(...body.items.map(({ version }: { version: number }) => version))
      cursor = body.next === null ? '' : `&cursor=${body.next}`
    } while (cursor !== '')
    assert.deepEqual(
      versions,
      Array.from(versions, (_, index) => versions.length - index),
    )
    const now = new Date(under.clock.now()).toISOString()
    const range = async (query: string) =>
      (await under.call('GET', `/v1/accounts/acc_alice/entries?limit=100&${query}`, alice)).body.items?.length
    assert.equal(await range(`from=${now}`), 5)
    assert.equal(await range(`to=${now}`), versions.length - 5)
    for (const query of ['limit=0', 'limit=101', 'cursor=bm9uZQ', 'from=today', 'order=up']) {
      const answer = await under.call('GET', `/v1/accounts/acc_alice/entries?${query}`, alice)
      assert.deepEqual([answer.status, answer.body.code], [400, 'validation_failed'], query)
    }
  })
})
