import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { asOperator } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { alice, bob, type CashFlowUnderTest, cny, fromAlice, held, key, openCashFlow, rebuildOf } from './cash-flow.ts'
import { assertSound } from './invariants.ts'
import { dayOf, minorOf, monthOf, OFFSET_MS, spentSince, untilQuiet } from './spent-since.ts'

const HISTORIES = 5
const HOUR_MS = 3_600_000
const PER_TRANSFER = 80_00n
const PER_DAY = 200_00n
const PER_MONTH = 500_00n

onEachStore('the limits of a product', (store) => {
  let under: CashFlowUnderTest
  let asked = 0
  before(async () => {
    under = await openCashFlow(await store.open(), { timeZone: 'Asia/Shanghai' })
    const body = { account: 'acc_alice', amount: cny('1000000.00'), reference: 'enough' }
    await under.call('POST', '/v1/deposits', asOperator, { body, headers: key('enough') })
  })
  after(async () => {
    await assertSound(under.database)
    assert.deepEqual((await rebuildOf(under)).differences, [])
    await under.close()
  })

  const transfer = (body: object, { claims = alice, call = under.call, headers = {} } = {}) => {
    asked += 1
    return call('POST', '/v1/transfers', claims, { body, headers: { ...key(`limits-${asked}`), ...headers } })
  }
  const pay = async (value: string) => (await transfer(fromAlice(value))).status
  const change = (id: string, what: string, body = {}) =>
    under.call('POST', `/v1/transfers/${id}/${what}`, alice, { body })
  /** Noon of the next month in Shanghai, where nothing is counted yet. */
  const nextMonth = () => {
    const wall = new Date(under.clock.now() + OFFSET_MS)
    const noon = Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() + 1, 2, 12) - OFFSET_MS
    under.clock.advance(noon - under.clock.now())
  }
  const limits = (perTransfer?: string, perDay?: string, perMonth?: string) => {
    const said = Object.entries({ perTransfer, perDay, perMonth }).flatMap(([name, value]) => {
      return value === undefined ? [] : [[name, cny(value)] as const]
    })
    return under.setTerms('prd_basic', { limits: said.length === 0 ? [] : [Object.fromEntries(said)] })
  }

  test('are named to who would exceed one, with what is used of it and when it begins anew', async () => {
    nextMonth()
    const version = limits('50.00', '100.00', '120.00')
    const common = { account: 'acc_alice', product: 'prd_basic', version }
    const refused = await transfer(fromAlice('50.01'))
    assert.deepEqual([refused.status, refused.body.code], [422, 'limit_exceeded'], refused.text)
    assert.deepEqual(refused.body.state, {
      ...{ limit: 'perTransfer', amount: cny('50.00'), used: cny('0.00'), resetsAt: null, ...common },
    })
    const made = await transfer(fromAlice('50.00'))
    assert.deepEqual([made.status, made.body.judgedBy], [201, { product: 'prd_basic', version }], made.text)
    assert.deepEqual((await under.call('GET', `/v1/transfers/${made.body.id}`, alice)).body, made.body)
    assert.equal(await pay('40.00'), 201)
    const over = await transfer(fromAlice('10.01'))
    const midnight = new Date(Math.ceil((under.clock.now() + OFFSET_MS) / (24 * HOUR_MS)) * 24 * HOUR_MS - OFFSET_MS)
    assert.deepEqual(over.body.state, {
      ...{ limit: 'perDay', amount: cny('100.00'), used: cny('90.00'), resetsAt: midnight.toISOString(), ...common },
    })
    under.clock.advance(midnight.getTime() - under.clock.now() - 1)
    assert.equal(await pay('10.01'), 422)
    under.clock.advance(1)
    assert.equal(await pay('30.00'), 201)
    const ofMonth = await transfer(fromAlice('0.01'))
    assert.deepEqual([ofMonth.body.state.limit, ofMonth.body.state.used], ['perMonth', cny('120.00')])
    under.clock.advance(Date.parse(ofMonth.body.state.resetsAt) - under.clock.now())
    assert.equal(await pay('50.00'), 201)
  })

  test('let two at once not both have the last of one, at one process or at two', async () => {
    for (const others of [under.call, under.callTwin]) {
      nextMonth()
      limits(undefined, '100.00')
      const calls = [under.call, others, under.call, others]
      const answers = await Promise.all(calls.map((call) => transfer(fromAlice('60.00'), { call })))
      assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 422, 422, 422])
    }
  })

  test('count what is held when it is held, and no more of it once it is released', async () => {
    nextMonth()
    limits(undefined, '100.00')
    const { body: hold } = await transfer(fromAlice('70.00', { pending: true }))
    const { body: review } = await transfer(fromAlice('30.00'), { claims: held(alice) })
    assert.equal(await pay('0.01'), 422)
    await change(hold.id, 'capture', { amount: cny('50.00') })
    assert.deepEqual([await pay('20.01'), await pay('20.00')], [422, 201])
    under.tell('review.declined', review.transfer)
    await under.call('GET', `/v1/operations/${review.operation}?wait=25`, alice)
    assert.deepEqual([await pay('30.01'), await pay('10.00')], [422, 201])
    const { body: late } = await transfer(fromAlice('20.00', { pending: true }))
    under.clock.advance(24 * HOUR_MS)
    assert.equal(await pay('100.00'), 201)
    assert.equal((await change(late.id, 'void')).status, 200)
    assert.equal(await pay('0.01'), 422, 'what was held yesterday is given back to yesterday')
  })

  test('count what a reversal gives back as spent', async () => {
    nextMonth()
    limits(undefined, '100.00')
    const { body } = await transfer(fromAlice('100.00'))
    assert.equal((await under.call('POST', `/v1/transfers/${body.id}/reverse`, bob, { body: {} })).status, 201)
    assert.equal(await pay('0.01'), 422)
  })

  test('count the legs of a transfer together', async () => {
    nextMonth()
    limits('50.00', '60.00')
    const legs = (...values: string[]) => {
      const all = values.map((value, at) => {
        return { from: 'acc_alice', to: at === 0 ? 'acc_bob' : 'acc_carol', amount: cny(value) }
      })
      return transfer({ legs: all, reference: 'salaries' })
    }
    assert.equal((await legs('30.00', '20.01')).body.state.limit, 'perTransfer')
    const made = await legs('30.00', '20.00')
    assert.equal(made.status, 201, made.text)
    assert.ok(made.body.legs.every(({ judgedBy }: { judgedBy?: object }) => judgedBy !== undefined))
    assert.equal((await legs('5.00', '5.01')).body.state.limit, 'perDay')
  })

  test('that are set at noon hold for the morning too, and those of the version before are back with it', async () => {
    nextMonth()
    const before = limits()
    assert.equal((await transfer(fromAlice('150.00'))).body.judgedBy.version, before)
    limits(undefined, '200.00')
    assert.equal(await pay('50.01'), 422)
    limits()
    assert.equal(await pay('50.01'), 201)
  })

  test('judge an accepted transfer when it is run', async () => {
    nextMonth()
    limits(undefined, '100.00')
    assert.equal(await pay('60.00'), 201)
    const { body } = await transfer(fromAlice('60.00'), { headers: { prefer: 'respond-async' } })
    const ended = await under.call('GET', `/v1/operations/${body.operation}?wait=25`, alice)
    assert.deepEqual([ended.body.state, ended.body.reason], ['failed', 'limit_exceeded'], ended.text)
  })

  test('are for the currencies of the product, in which its accounts are opened and pay', async () => {
    const open = () => {
      const body = { member: 'mem_alice', product: 'prd_basic', currency: 'USD' }
      return under.call('POST', '/v1/accounts', alice, { body })
    }
    assert.deepEqual([(await open()).body.code], ['currency_mismatch'])
    const usd = (value: string) => ({ currency: 'USD', value })
    under.setTerms('prd_basic', { otherCurrencies: ['USD'], limits: [{ perDay: usd('10.00') }] })
    const [own, others] = [await open(), await open()]
    assert.equal(own.status, 201, own.text)
    const deposit = { account: own.body.id, amount: usd('100.00'), reference: 'trip' }
    await under.call('POST', '/v1/deposits', asOperator, { body: deposit, headers: key('dollars') })
    const body = { from: own.body.id, to: others.body.id, amount: usd('6.00'), reference: 'mine' }
    assert.deepEqual([(await transfer(body)).status, (await transfer(body)).body.state.limit], [201, 'perDay'])
    const version = under.setTerms('prd_basic', { otherCurrencies: [], limits: [] })
    const refused = await transfer(body)
    assert.deepEqual([refused.status, refused.body.code], [422, 'terms_not_met'], refused.text)
    assert.deepEqual(refused.body.state, { account: own.body.id, product: 'prd_basic', version, term: 'currency' })
  })

  test('are those of the highest level that the member has', async () => {
    nextMonth()
    under.setTerms('prd_basic', { limits: [{ fromLevel: 2, perDay: cny('50.00') }, { perDay: cny('10.00') }] })
    const place = (level: number) => under.standings.place('mem_alice', { level, kind: 'person', country: 'CN' })
    place(1)
    assert.deepEqual([await pay('10.01'), await pay('10.00')], [422, 201])
    place(3)
    assert.deepEqual([await pay('40.01'), await pay('40.00')], [422, 201])
    place(0)
    assert.equal(await pay('0.01'), 422)
    under.setTerms('prd_basic', { limits: [] })
  })

  test('are beside who may hold it: others open no account under it, and pay from none', async () => {
    const person = { level: 1, kind: 'person', country: 'CN' }
    const cases = [
      [{ fromLevel: 2 }, 'level'],
      [{ kinds: ['organisation'] }, 'kind'],
      [{ countries: ['HK'] }, 'country'],
    ] as const
    for (const [holders, term] of cases) {
      under.standings.place('mem_alice', person)
      const version = under.setTerms('prd_basic', { holders })
      const body = { member: 'mem_alice', product: 'prd_basic', currency: 'CNY' }
      const opened = await under.call('POST', '/v1/accounts', alice, { body })
      assert.deepEqual([opened.status, opened.body.code], [422, 'terms_not_met'], opened.text)
      assert.deepEqual(opened.body.state, { product: 'prd_basic', version, term })
      const refused = await transfer(fromAlice('1.00'))
      assert.deepEqual([refused.status, refused.body.state.term], [422, term], refused.text)
      under.standings.place('mem_alice', { level: 2, kind: 'organisation', country: 'HK' })
      assert.equal((await under.call('POST', '/v1/accounts', alice, { body })).status, 201)
      assert.equal(await pay('1.00'), 201)
    }
    under.setTerms('prd_basic', { holders: {} })
  })

  test('leave a count that nobody changes unseen: the rebuild names it', async () => {
    await pay('1.00')
    const shift = (by: number) =>
      under.database.transaction((sql) =>
        sql.query(`UPDATE balance SET month_spent = month_spent + $1 WHERE account = 'acc_alice'`, [by]),
      )
    await shift(1)
    const { differences } = await rebuildOf(under)
    await shift(-1)
    assert.deepEqual(differences, [{ table: 'balance', key: 'acc_alice', is: 'differs', columns: ['month_spent'] }])
  })

  const amount = fc.integer({ min: 1, max: 90 }).map((whole) => cny(`${whole}.00`))
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        ...{ kind: fc.constant('pay' as const), amount, twin: fc.boolean() },
        how: fc.constantFrom('now', 'now', 'pending', 'held'),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('void' as const), nth: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('capture' as const), nth: fc.nat(5), amount }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('decline' as const), nth: fc.nat(5) }) },
  )
  type Step = typeof step extends fc.Arbitrary<infer S> ? S : never
  const waves = fc.array(
    fc.record({ steps: fc.array(step, { minLength: 4, maxLength: 9 }), hours: fc.constantFrom(0, 1, 13, 24, 80, 300) }),
    {
      minLength: 3,
      maxLength: 6,
    },
  )

  test('are never exceeded, and never refuse while there is room, whatever happens at once', async () => {
    limits('80.00', '200.00', '500.00')
    const refusals: {
      readonly at: number
      readonly minor: bigint
      readonly answer: Awaited<ReturnType<typeof transfer>>
    }[] = []
    let holds: { readonly transfer: string; readonly review: boolean }[] = []

    async function take(taken: Step): Promise<void> {
      if (taken.kind === 'pay') {
        const at = under.clock.now()
        const claims = taken.how === 'held' ? held(alice) : alice
        const body = fromAlice(taken.amount.value, taken.how === 'pending' ? { pending: true } : {})
        const answer = await transfer(body, { claims, call: taken.twin ? under.callTwin : under.call })
        assert.ok([201, 202, 422].includes(answer.status), answer.text)
        if (answer.status === 422) refusals.push({ at, minor: minorOf(taken.amount), answer })
        else if (taken.how !== 'now') {
          const review = taken.how === 'held'
          holds.push({ transfer: review ? answer.body.transfer : answer.body.id, review })
        }
        return
      }
      const hold = holds.filter(({ review }) => review === (taken.kind === 'decline')).at(-1 - taken.nth)
      if (hold === undefined) return
      if (taken.kind === 'decline') return under.tell('review.declined', hold.transfer)
      const answer = await change(hold.transfer, taken.kind, taken.kind === 'capture' ? { amount: taken.amount } : {})
      assert.ok([200, 409, 422].includes(answer.status), answer.text)
    }

    await fc.assert(
      fc.asyncProperty(waves, async (all) => {
        nextMonth()
        const since = under.clock.now()
        refusals.length = 0
        holds = []
        for (const { steps, hours } of all) {
          await Promise.all(steps.map(take))
          under.clock.advance(hours * HOUR_MS)
        }
        await untilQuiet(under.database, under.clock)
        const seen = await spentSince(under.database, since, { perDay: PER_DAY, perMonth: PER_MONTH })
        for (const { at, minor, answer } of refusals) {
          const { limit, used } = answer.body.state
          if (limit === 'perTransfer') assert.ok(minor > PER_TRANSFER, answer.text)
          else {
            const [name, most] = limit === 'perDay' ? [dayOf(at), PER_DAY] : [monthOf(at), PER_MONTH]
            assert.ok(minor <= PER_TRANSFER && minorOf(used) + minor > most, answer.text)
            assert.ok(
              minorOf(used) === 0n || seen.get(name)?.has(minorOf(used)),
              `nobody had used ${used.value} of ${name}`,
            )
          }
        }
      }),
      { numRuns: HISTORIES, endOnFailure: true },
    )
  })
})
