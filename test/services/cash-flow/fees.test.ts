import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { asOperator, asService } from '../../support/caller.ts'
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
  rebuildOf,
} from './cash-flow.ts'
import { assertSound } from './invariants.ts'

/** Alice and Carol are in one shard, Bob is in another; with four writers what goes to Bob is a crossing. */
for (const writers of [1, 4]) {
  onEachStore(`the fee of a transfer, by ${writers} writers`, (store) => {
    let under: CashFlowUnderTest
    let version = 0
    before(async () => {
      under = await openCashFlow(await store.open(), { writers })
    })
    beforeEach(() => {
      version = under.setFee('prd_basic', cny('1.50'))
    })
    after(async () => {
      await assertSound(under.database)
      assert.deepEqual((await rebuildOf(under)).differences, [])
      await under.close()
    })

    const transfer = (name: string, body: object, claims = alice) =>
      under.call('POST', '/v1/transfers', claims, { body, headers: key(name.replaceAll(' ', '-')) })
    const change = (id: string, what: string, body = {}, claims = alice) =>
      under.call('POST', `/v1/transfers/${id}/${what}`, claims, { body })

    /** What is posted and pending with Alice, posted with Bob and Carol, and in all fees accounts, in minor units. */
    async function balances(): Promise<readonly number[]> {
      const names = ['acc_alice', 'acc_bob', 'acc_carol', ...[0, 1, 2, 3].map((shard) => `acc_fees_cny_${shard}`)]
      const read = await Promise.all(names.map((name) => under.call('GET', `/v1/accounts/${name}`, asOperator)))
      const [posted, pending] = (['posted', 'pending'] as const).map((of) =>
        read.map(({ body }) => Number(body.balance[of].value.replace('.', ''))),
      ) as [number[], number[]]
      const fees = posted.slice(3).reduce((sum, each) => sum + each, 0)
      return [posted[0], pending[0], posted[1], posted[2], fees] as number[]
    }

    /** By how much this changes them. */
    async function changes(work: () => Promise<unknown>): Promise<readonly number[]> {
      const before = await balances()
      await work()
      return (await balances()).map((sum, at) => sum - (before[at] ?? 0))
    }

    test('goes by the amount of each part, where the product has a formula', async () => {
      under.setFee('prd_basic', { kind: 'rate', basisPoints: 100, least: cny('0.05') })
      assert.deepEqual(await changes(() => transfer('rate', fromAlice('10.00'))), [-1010, 0, 1000, 0, 10])
      const leg = (to: string, value: string) => ({ from: 'acc_alice', to, amount: cny(value) })
      const legs = [leg('acc_bob', '20.00'), leg('acc_carol', '1.00')]
      const body = { legs, reference: 'two of them' }
      assert.deepEqual(await changes(() => transfer('rate in legs', body)), [-2125, 0, 2000, 100, 25])
    })

    test('is charged beside the amount, at once with it, and told wherever the transfer is', async () => {
      const made = Promise.withResolvers<Awaited<ReturnType<typeof transfer>>>()
      assert.deepEqual(
        await changes(async () => made.resolve(await transfer('plain', fromAlice('10.00')))),
        [-1150, 0, 1000, 0, 150],
      )
      const { status, text, body } = await made.promise
      assert.equal(status, 201, text)
      assert.deepEqual(body.fee, { amount: cny('1.50'), product: 'prd_basic', version })
      assert.deepEqual((await under.call('GET', `/v1/transfers/${body.id}`, alice)).body, body)
      assert.deepEqual((await transfer('plain', fromAlice('10.00'))).body, body)
      const { body: explained } = await under.call('GET', '/v1/ledger/accounts/acc_alice?limit=2', asOperator)
      assert.deepEqual(
        explained.items.map(({ amount, fee, record }: Explained) => [amount.value, fee?.version, record?.tells]),
        [
          ['1.50', version, true],
          ['10.00', version, true],
        ],
      )
      const { body: feed } = await under.call('GET', '/internal/feed?after=0&waitMs=0', asService('settlement'))
      const told = feed.items.find(({ type, subject }: Told) => type === 'transfer.posted' && subject === body.id)
      assert.deepEqual([told.data.amount, told.data.fee], [cny('10.00'), cny('1.50')])
    })

    test('is that of the version in force when the transfer is made, a hold as well', async () => {
      const { body: hold } = await transfer('held', fromAlice('20.00', { pending: true }))
      const newer = under.setFee('prd_basic', cny('2.00'))
      assert.equal((await transfer('newer', fromAlice('1.00'))).body.fee.version, newer)
      assert.deepEqual(
        await changes(() => change(hold.id, 'capture', { amount: cny('5.00') })),
        [-650, -2150, 500, 0, 150],
      )
      under.setFee('prd_basic', null)
      assert.deepEqual(await changes(() => transfer('free', fromAlice('1.00'))), [-100, 0, 100, 0, 0])
      assert.equal((await transfer('free', fromAlice('1.00'))).body.fee, undefined)
    })

    test('is released with what is held, when that is voided, declined or never captured', async () => {
      const before = await balances()
      const { body: hold } = await transfer('to be voided', fromAlice('20.00', { pending: true }))
      const { body: review } = await transfer('to be declined', fromAlice('30.00'), held(alice))
      assert.deepEqual((await balances())[1], (before[1] ?? 0) + 5300)
      await change(hold.id, 'void')
      under.tell('review.declined', review.transfer)
      await under.call('GET', `/v1/operations/${review.operation}?wait=25`, alice)
      assert.deepEqual(await balances(), before)
    })

    test('counts against the floor, and a transfer that is refused costs nothing', async () => {
      const { body } = await under.call('GET', '/v1/accounts/acc_carol', asOperator)
      const all = { from: 'acc_carol', to: 'acc_alice', amount: body.balance.available, reference: 'all' }
      assert.deepEqual(await changes(() => transfer('all', all, carol)), [0, 0, 0, 0, 0])
      const refused = await transfer('all', all, carol)
      assert.deepEqual([refused.status, refused.body.code], [422, 'insufficient_funds'])
      const pending = await transfer('all held', { ...all, pending: true }, carol)
      assert.deepEqual([pending.status, pending.body.code], [422, 'insufficient_funds'])
      const less = (Number(body.balance.available.value) - 1.5).toFixed(2)
      assert.equal((await transfer('all but the fee', { ...all, amount: cny(less) }, carol)).status, 201)
      assert.equal((await under.call('GET', '/v1/accounts/acc_carol', asOperator)).body.balance.available.value, '0.00')
      await transfer('back', { from: 'acc_alice', to: 'acc_carol', amount: cny('50.00'), reference: 'back' })
    })

    test('is had by each leg, all of them or none', async () => {
      const legs = (...values: string[]) =>
        values.map((value, at) => ({ from: 'acc_alice', to: at === 0 ? 'acc_bob' : 'acc_carol', amount: cny(value) }))
      const pay = (name: string, ...values: string[]) =>
        transfer(name, { legs: legs(...values), reference: 'salaries' })
      assert.deepEqual(await changes(() => pay('legs', '1.00', '2.00')), [-600, 0, 100, 200, 300])
      const { body } = await pay('legs', '1.00', '2.00')
      assert.deepEqual(
        [body.fee, body.legs.map(({ fee }: Explained) => fee?.amount.value)],
        [undefined, ['1.50', '1.50']],
      )
      const { body: account } = await under.call('GET', '/v1/accounts/acc_alice', asOperator)
      const most = (Number(account.balance.available.value) - 3).toFixed(2)
      assert.deepEqual(await changes(() => pay('too much', most, '2.00')), [0, 0, 0, 0, 0])
    })

    test('stays paid when the transfer is taken back', async () => {
      const { body } = await transfer('taken back', fromAlice('10.00'))
      assert.deepEqual(await changes(() => change(body.id, 'reverse', {}, bob)), [1000, 0, -1000, 0, 0])
    })

    test('goes on as it was while the product service is away', async () => {
      await transfer('asked before', fromAlice('1.00'))
      under.setProductsAway(true)
      try {
        assert.equal((await transfer('meanwhile', fromAlice('1.00'))).body.fee?.version, version)
        under.clock.advance(600_000)
        const refused = await transfer('too long', fromAlice('1.00'))
        assert.deepEqual([refused.status, refused.body.code], [503, 'dependency_unavailable'], refused.text)
        const again = await transfer('meanwhile', fromAlice('1.00'))
        assert.deepEqual([again.status, again.headers['idempotency-replayed']], [201, 'true'], again.text)
      } finally {
        under.setProductsAway(false)
      }
      assert.equal((await transfer('too long', fromAlice('1.00'))).status, 201)
    })

    test('of a command that waits is asked for when it is run', async () => {
      under.setProductsAway(true)
      under.clock.advance(600_000)
      const headers = { ...key('waits'), prefer: 'respond-async' }
      const { body } = await under.call('POST', '/v1/transfers', alice, { body: fromAlice('1.00'), headers })
      assert.equal(body.state, 'running')
      under.setProductsAway(false)
      const newer = under.setFee('prd_basic', cny('3.00'))
      const ended = await under.call('GET', `/v1/operations/${body.operation}?wait=25`, alice)
      assert.equal(ended.body.state, 'succeeded', ended.text)
      const { body: made } = await under.call('GET', `/v1/transfers/${ended.body.transfer}`, alice)
      assert.deepEqual(made.fee, { amount: cny('3.00'), product: 'prd_basic', version: newer })
    })
  })
}

type Explained = {
  readonly amount: { readonly value: string }
  readonly fee?: { readonly version: number; readonly amount: { readonly value: string } }
  readonly record?: { readonly tells: boolean }
}
type Told = { readonly type: string; readonly subject: string }
