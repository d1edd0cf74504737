import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, cny, fromAlice, held, key, openCashFlow, untilState } from './cash-flow.ts'
import { assertSound } from './invariants.ts'

const RACES = 5
/** While what came first is on its way to another shard, and once it has arrived. */
const TOO_LATE = ['request_in_progress', 'conflict']

onEachStore('nobody has to complain of', (store) => {
  let under: CashFlowUnderTest
  before(async () => {
    under = await openCashFlow(await store.open())
  })
  after(() => under.close())

  const transfer = (body: object, name: string, claims = alice) =>
    under.call('POST', '/v1/transfers', claims, { body, headers: key(name) })
  const change = (id: string, what: string, { claims = asOperator, body = {}, call = under.call } = {}) =>
    call('POST', `/v1/transfers/${id}/${what}`, claims, { body })
  const minorOf = async (name: string) => {
    const { balance } = (await under.call('GET', `/v1/accounts/acc_${name}`, asOperator)).body
    const minor = ({ value }: { value: string }) => Number(value.replace('.', ''))
    return { posted: minor(balance.posted), pending: minor(balance.pending), available: minor(balance.available) }
  }

  test('a hold that is resolved twice', async () => {
    for (let race = 0; race < RACES; race++) {
      const [payer, payee] = [await minorOf('alice'), await minorOf('bob')]
      const { body: hold } = await transfer(fromAlice('10.00', { pending: true }), `twice-${race}`)
      const answers = await Promise.all(
        Array.from({ length: 16 }, (_, at) => {
          const call = at % 4 < 2 ? under.call : under.callTwin
          const body = at % 3 === 0 ? { amount: cny('4.00') } : {}
          return at % 2 === 0 ? change(hold.id, 'capture', { body, call }) : change(hold.id, 'void', { call })
        }),
      )
      const done = answers.filter(({ status }) => status === 200)
      assert.equal(done.length, 1, 'one of them resolves it')
      for (const { status, body } of answers.filter((answer) => !done.includes(answer)))
        assert.ok(status === 409 && TOO_LATE.includes(body.code), JSON.stringify(body))
      const moved = Number((done[0]?.body.captured?.value ?? '0.00').replace('.', ''))
      const after = { payer: await minorOf('alice'), payee: await minorOf('bob') }
      assert.deepEqual(after.payer, { ...payer, posted: payer.posted - moved, available: payer.available - moved })
      assert.deepEqual(after.payee, { ...payee, posted: payee.posted + moved, available: payee.available + moved })
    }
    await assertSound(under.database)
  })

  test('a hold that is captured after it was refused', async () => {
    const before = await minorOf('alice')
    const { body } = await transfer(fromAlice('10.00'), 'refused', held(alice))
    under.tell('review.declined', body.transfer)
    await untilState(under, body.operation, 'failed')
    under.tell('review.approved', body.transfer)
    const { body: next } = await transfer(fromAlice('1.00'), 'behind', held(alice))
    under.tell('review.declined', next.transfer)
    await untilState(under, next.operation, 'failed') // the approval before it has been looked at
    for (const what of ['capture', 'void', 'reverse']) assert.equal((await change(body.transfer, what)).status, 409)
    assert.equal((await untilState(under, body.operation, 'failed'))['reason'], 'declined')
    assert.deepEqual(await minorOf('alice'), before)
  })

  test('money that is gone when a hold is cancelled', async () => {
    const before = [await minorOf('alice'), await minorOf('bob')]
    for (const [name, to] of Object.entries({ across: 'acc_bob', within: 'acc_carol' })) {
      const { body } = await transfer(fromAlice('20.00', { to, pending: true }), `cancelled-${name}`)
      assert.equal((await minorOf('alice')).pending, 2_000)
      assert.equal((await change(body.id, 'void')).body.state, 'voided')
      assert.equal((await change(body.id, 'capture')).status, 409)
    }
    assert.deepEqual([await minorOf('alice'), await minorOf('bob')], before)
    await assertSound(under.database)
  })

  test('a decision that comes twice, and is an error or an effect too many', async () => {
    const before = await minorOf('bob')
    const { body } = await transfer(fromAlice('10.00'), 'decided-twice', held(alice))
    for (let time = 0; time < 5; time++) under.tell('review.approved', body.transfer)
    await untilState(under, body.operation, 'succeeded')
    const { body: next } = await transfer(fromAlice('1.00'), 'after-them', held(alice))
    under.tell('review.declined', next.transfer)
    await untilState(under, next.operation, 'failed') // none of the five holds up what comes after
    assert.equal((await minorOf('bob')).posted, before.posted + 1_000)
    const feed = await under.call('GET', '/internal/feed?after=0&waitMs=0', asService('settlement'))
    const told = feed.body.items.filter(({ subject }: { subject: string }) => subject === body.transfer)
    assert.deepEqual(
      told.map(({ type }: { type: string }) => type),
      ['transfer.held', 'transfer.posted'],
    )
  })

  test('money that stays held for ever since nobody decides', async () => {
    const before = await minorOf('alice')
    const { body: reviewed } = await transfer(fromAlice('10.00'), 'nobody-reviews', held(alice))
    const { body: pending } = await transfer(fromAlice('5.00', { pending: true }), 'nobody-captures')
    assert.equal((await minorOf('alice')).pending, 1_500)
    under.clock.advance(72 * 3_600_000)
    assert.equal((await change(pending.id, 'capture', { claims: bob })).status, 409, 'before anything has released it')
    for (const { operation } of [reviewed, pending])
      assert.equal((await untilState(under, operation, 'failed'))['reason'], 'expired')
    assert.deepEqual(await minorOf('alice'), before)
    await assertSound(under.database) // an open hold has its timer, and only an open one
  })
})
