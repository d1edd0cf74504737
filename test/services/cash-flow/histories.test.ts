import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { derivedId } from '../../../src/kernel/id.ts'
import { money } from '../../../src/kernel/money.ts'
import { legIdsOf, transferIdOf } from '../../../src/kernel/operation-id.ts'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, type CashFlowUnderTest, cny, fromAlice, held, key, openCashFlow, rebuildOf } from './cash-flow.ts'
import { assertSound } from './invariants.ts'

const ROUNDS = 10
const AT_ONCE = 8
const HISTORIES = 15
const NAMES = ['alice', 'bob', 'carol'] as const

const amount = fc.integer({ min: 20_000, max: 95_000 }).map((minor) => cny((minor / 100).toFixed(2)))
const name = fc.constantFrom(...NAMES)
/** Few keys, so that they are used again: with the same request, with another, and by what comes after it. */
const slot = fc.nat(3)
const twin = fc.boolean()
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('transfer' as const),
      ...{ from: name, to: name, amount, slot, twin },
      how: fc.constantFrom('now', 'pending', 'pending', 'held', 'async'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('split' as const),
      ...{ from: name, slot, twin, how: fc.constantFrom('now', 'held', 'async') },
      legs: fc.array(fc.record({ to: name, amount }), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('review-split' as const), slot, approve: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reverse-leg' as const), slot, twin }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('capture' as const), slot, twin, part: fc.option(amount) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('void' as const), slot, twin }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('review' as const), slot, approve: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reverse' as const), slot, twin }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deposit' as const), to: name, amount, slot, twin }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('line' as const),
      of: name,
      line: fc.constantFrom('0.00', '300.00', '900.00'),
      slot,
      twin,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), from: name, amount, slot, twin }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('end' as const), how: fc.constantFrom('confirm', 'return'), slot, twin }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('rate' as const), rate: fc.constantFrom('7.1', '0.33333', '150') }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('fee' as const), fee: fc.constantFrom(null, '1.50', '99.00') }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('exchange' as const), back: fc.boolean(), amount, slot, twin }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), hours: fc.constantFrom(1, 1, 1, 80) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

onEachStore('whatever happens, in whatever order and at once,', (store) => {
  let under: CashFlowUnderTest
  let history = 0
  const firstAnswers = new Map<string, unknown>()
  before(async () => {
    under = await openCashFlow(await store.open())
    const dollars = { id: 'acc_alice_usd', member: 'mem_alice', product: 'prd_dollar', currency: 'USD' } as const
    await under.cashFlow.seedAccount(dollars, money('USD', 100_000n))
  })
  after(() => under.close())

  async function take(taken: Step): Promise<void> {
    if (taken.kind === 'pass') return under.clock.advance(taken.hours * 3_600_000)
    if (taken.kind === 'rate') return setRates(taken.rate)
    if (taken.kind === 'fee') return void under.setFee('prd_basic', taken.fee === null ? null : cny(taken.fee))
    const keyOf = (what: string) => `${history}-${what}-${taken.slot}`
    const transfer = transferIdOf('op_olga', keyOf('transfer'))
    if (taken.kind === 'review') return under.tell(taken.approve ? 'review.approved' : 'review.declined', transfer)
    const whole = transferIdOf('op_olga', keyOf('split'))
    if (taken.kind === 'review-split') return under.tell(taken.approve ? 'review.approved' : 'review.declined', whole)
    const call = taken.twin ? under.callTwin : under.call
    if (taken.kind === 'reverse-leg') {
      const [leg = whole] = legIdsOf(whole, 1)
      const answer = await call('POST', `/v1/transfers/${leg}/reverse`, asOperator, { body: {} })
      assert.ok([201, 404, 409, 422].includes(answer.status), JSON.stringify(answer.body))
      return
    }
    if (taken.kind === 'split') {
      const legs = taken.legs.map((leg) => ({ from: `acc_${taken.from}`, to: `acc_${leg.to}`, amount: leg.amount }))
      const body = { legs, reference: taken.how }
      const headers = { ...key(keyOf('split')), ...(taken.how === 'async' ? { prefer: 'respond-async' } : {}) }
      const claims = taken.how === 'held' ? held(asOperator) : asOperator
      const answer = await call('POST', '/v1/transfers', claims, { body, headers })
      assert.ok([201, 202, 409, 422].includes(answer.status), JSON.stringify(answer.body))
      if (answer.status < 300) agree(`${keyOf('split')} ${JSON.stringify(body)}`, answer.body)
      return
    }
    if (taken.kind === 'transfer') {
      const { from, to, how } = taken
      const body = {
        ...{ from: `acc_${from}`, to: `acc_${to}`, amount: taken.amount, reference: how },
        ...(how === 'pending' ? { pending: true } : {}),
      }
      const headers = { ...key(keyOf('transfer')), ...(how === 'async' ? { prefer: 'respond-async' } : {}) }
      const claims = how === 'held' ? held(asOperator) : asOperator
      const answer = await call('POST', '/v1/transfers', claims, { body, headers })
      assert.ok([201, 202, 409, 422].includes(answer.status), JSON.stringify(answer.body))
      if (answer.status < 300) agree(`${keyOf('transfer')} ${JSON.stringify(body)}`, answer.body)
    } else if (taken.kind === 'line') {
      const body = { creditLine: cny(taken.line), reason: 'as agreed' }
      const options = { body, headers: key(keyOf('line')) }
      const answer = await call('POST', `/v1/accounts/acc_${taken.of}/credit-lines`, asOperator, options)
      assert.ok([201, 409, 422].includes(answer.status), JSON.stringify(answer.body))
    } else if (taken.kind === 'exchange') {
      const [pair, ...accounts] = taken.back
        ? ['CNY-USD', 'acc_alice', 'acc_alice_usd']
        : ['USD-CNY', 'acc_alice_usd', 'acc_alice']
      const { body: rates } = await call('GET', `/v1/exchange-rates/${pair}?limit=1`, asOperator)
      const amount = { ...taken.amount, currency: taken.back ? 'CNY' : 'USD' }
      const body = { from: accounts[0], to: accounts[1], amount, reference: 'trip' }
      const rate = { pair, version: rates.items?.[0].version ?? 1 }
      const options = { body: { ...body, rate }, headers: key(keyOf('exchange')) }
      const answer = await call('POST', '/v1/exchanges', alice, options)
      assert.ok([201, 409, 422].includes(answer.status), JSON.stringify(answer.body))
      if (answer.status === 201) agree(`${keyOf('exchange')} ${JSON.stringify(options.body)}`, answer.body)
    } else if (taken.kind === 'withdraw') {
      const body = { account: `acc_${taken.from}`, amount: taken.amount, reference: 'to the bank' }
      const answer = await call('POST', '/v1/withdrawals', asOperator, { body, headers: key(keyOf('withdraw')) })
      assert.ok([201, 409, 422].includes(answer.status), JSON.stringify(answer.body))
      if (answer.status === 201) agree(`${keyOf('withdraw')} ${JSON.stringify(body)}`, answer.body)
    } else if (taken.kind === 'end') {
      const withdrawal = derivedId('withdrawal', 'op_olga', keyOf('withdraw'))
      const body = taken.how === 'confirm' ? { reference: 'bank 1' } : { reason: 'closed' }
      const answer = await call('POST', `/v1/withdrawals/${withdrawal}/${taken.how}`, asOperator, { body })
      assert.ok([200, 404, 409].includes(answer.status), JSON.stringify(answer.body))
    } else if (taken.kind === 'deposit') {
      const body = { account: `acc_${taken.to}`, amount: taken.amount, reference: 'cash' }
      const options = { body, headers: key(keyOf('deposit')) }
      const answer = await call('POST', '/v1/deposits', asOperator, options)
      assert.ok([201, 409, 422].includes(answer.status), JSON.stringify(answer.body))
      if (answer.status < 300) agree(`${keyOf('deposit')} ${JSON.stringify(body)}`, answer.body)
    } else {
      const body = taken.kind === 'capture' && taken.part !== null ? { amount: taken.part } : {}
      const path = `/v1/transfers/${transfer}/${taken.kind}`
      const answer = await call('POST', path, asOperator, { body })
      assert.ok([200, 201, 404, 409, 422].includes(answer.status), JSON.stringify(answer.body))
    }
  }

  async function setRates(rate: string): Promise<void> {
    const expiresAt = new Date(under.clock.now() + 20 * 24 * 3_600_000).toISOString()
    for (const [from, to] of [
      ['USD', 'CNY'],
      ['CNY', 'USD'],
    ]) {
      const answer = await under.call('POST', '/v1/exchange-rates', asOperator, { body: { from, to, rate, expiresAt } })
      assert.equal(answer.status, 201, answer.text)
    }
  }

  /** Every answer that says it was done says the same. */
  function agree(request: string, body: unknown): void {
    if (!firstAnswers.has(request)) firstAnswers.set(request, body)
    assert.deepEqual(body, firstAnswers.get(request))
  }

  async function untilQuiet(): Promise<void> {
    for (;;) {
      const [left] = await under.database.transaction((sql) =>
        sql.query<{ work: bigint }>(
          `SELECT (SELECT count(*) FROM accepted_command) + (SELECT count(*) FROM crossing) + (SELECT count(*) FROM decision)
             + (SELECT count(*) FROM hold_timer WHERE expires_at <= $1) AS work`,
          [new Date(under.clock.now()).toISOString()],
        ),
      )
      if (left?.work === 0n) return
      await sleep(20)
    }
  }

  test('the ledger stays sound', async () => {
    const waves = fc.array(fc.array(step, { minLength: 5, maxLength: 10 }), { minLength: 4, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(waves, async (waves) => {
        history += 1
        for (const wave of waves) await Promise.all(wave.map(take))
        await untilQuiet()
        await assertSound(under.database)
      }),
      { numRuns: HISTORIES, endOnFailure: true },
    )
    assert.deepEqual((await rebuildOf(under)).differences, [])
  })

  /** An account of Alice's, in her shard, that no history has taken anything of; transfers have no fee from here on. */
  async function openPurse(id: string, minor: bigint): Promise<string> {
    under.setFee('prd_basic', null)
    const purse = { id, member: 'mem_alice', product: 'prd_basic', currency: 'CNY' } as const
    await under.cashFlow.seedAccount(purse, money('CNY', minor))
    return id
  }

  test('one key at two processes at once has one effect, and nobody is refused where the money was for one', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const left = round % 2 // what the money is for beside it
      const from = await openPurse(`acc_purse_${round}`, BigInt(1 + left))
      const bodies = [fromAlice('0.01', { from }), fromAlice('0.01', { from, to: 'acc_carol' })]
      const asks = bodies.flatMap((body) =>
        [under.call, under.callTwin].map((call) => async () => {
          const told = await call('POST', '/v1/transfers', alice, { body, headers: key(`twice-${round}`) })
          const { status, body: said, headers } = told
          return { status, said: said.code ?? said, to: said.to, replayed: headers['idempotency-replayed'] === 'true' }
        }),
      )
      const answers = await Promise.all(asks.map((ask) => ask()))
      const seen = JSON.stringify(answers.map(({ said, to, replayed }) => [to ?? said, replayed]))
      const [made, ...others] = answers.filter(({ status, replayed }) => status === 201 && !replayed)
      assert.ok(made !== undefined && others.length === 0, seen)
      for (const [at, ask] of asks.entries()) {
        const isSame: boolean = bodies[at >> 1]?.to === made.to
        const due: unknown = isSame ? made.said : 'idempotency_key_reused'
        if (answers[at]?.said !== 'request_in_progress') assert.deepEqual(answers[at]?.said, due, seen)
        const again = await ask()
        assert.deepEqual([again.said, again.replayed], [due, isSame])
      }
      const { body: purse } = await under.call('GET', `/v1/accounts/${from}`, alice)
      assert.deepEqual(purse.balance.available, cny(`0.0${left}`))
    }
    await assertSound(under.database)
  })

  test('one key of an operator for two requests in two shards at once has one answer', async () => {
    const poor = { from: 'acc_bob', to: 'acc_alice', amount: cny('90000000.00'), reference: 'too much' }
    const from = await openPurse('acc_purse', 100_000n)
    const beside = fromAlice('0.01', { from, to: 'acc_carol' }) // in its own shard: it is posted at once
    const collide = async (name: string) => {
      const ask = (call: typeof under.call, body: object) =>
        call('POST', '/v1/transfers', asOperator, { body, headers: key(name) })
      await Promise.all([ask(under.call, beside), ask(under.callTwin, poor)])
      const again = await Promise.all([ask(under.call, beside), ask(under.callTwin, poor)])
      assert.equal(again.filter(({ body }) => body.code === 'idempotency_key_reused').length, 1)
    }
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => collide(`operator-${round}-${at}`)))
    }
    await assertSound(under.database)
  })
})
