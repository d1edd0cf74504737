import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Instant } from '../../../src/kernel/clock.ts'
import { legIdsOf } from '../../../src/kernel/operation-id.ts'
import type { Row, Sql, SqlValue } from '../../../src/platform/database.ts'
import { countApproved, countRefused, forgetBefore } from '../../../src/services/risk/counted-transfers.ts'
import { readMemberVelocity, readPayeeVelocity } from '../../../src/services/risk/velocity.ts'
import { asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { assessmentBody } from './asked.ts'
import { eventually, startWorld, type World } from './world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

onEachStore('what of a transfer counts', (store) => {
  let world: World
  before(async () => {
    world = await startWorld(store)
  })
  after(() => world.close())

  type Wanted = {
    by: string
    value?: string
    to?: string
    device?: string
    key?: string
    legs?: { to: string; value: string }[]
  }
  const ask = async ({ by, value = '10.00', to = 'acc_bob', device = '', legs, ...rest }: Wanted) => {
    const body = assessmentBody({ member: by, value, ...rest })
    const parts = legs?.map((leg) => ({ from: 'acc_alice', to: leg.to, amount: { currency: 'CNY', value: leg.value } }))
    const transfer = { ...body.transfer, to: parts?.[0]?.to ?? to, ...(parts === undefined ? {} : { legs: parts }) }
    const asked = { ...body, transfer, context: { device, session: '', level: '' } }
    const { body: answer } = await world.call('POST', '/v1/assessments', asService('edge'), { body: asked })
    return answer as { id: string; outcome: string; replayed: boolean }
  }
  /** As a transfer of the member would be judged by now; it is one more that was asked for. */
  const known = async (wanted: Wanted) => {
    const { id } = await ask({ value: '0.01', ...wanted })
    const { facts } = (await world.call('GET', `/v1/assessments/${id}`, asOperator)).body
    await world.refuse(id)
    return facts.velocity as Record<string, number> & { amountLastDay: { value: string } }
  }
  const amountOf = async (by: string) => (await known({ by })).amountLastDay.value
  const member = () => `mem_${randomUUID()}`
  const account = () => `acc_${randomUUID()}`
  const cny = (value: string) => ({ currency: 'CNY', value })

  test('a burst that cash flow has told nothing of yet counts, each before the next', async () => {
    const by = member()
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask({ by, value: '100.00' })))
    const read = ({ id }: { id: string }) => world.call('GET', `/v1/assessments/${id}`, asOperator)
    const seen = (await Promise.all(answers.map(read))).map(({ body }) => body.facts.velocity.amountLastDay.value)
    const expected = answers.map((_, index) => `${index * 100}.00`)
    assert.deepEqual(
      seen.toSorted((a, b) => Number(a) - Number(b)),
      expected,
    )
    assert.equal(await amountOf(by), '800.00')
    world.clock.advance(DAY_MS)
    assert.equal(await amountOf(by), '0.00', 'a day later nobody waits for it any more')
  })

  test('what cash flow refused is no amount and makes no payee known, but was asked for', async () => {
    const [by, to] = [member(), account()]
    await world.refuse((await ask({ by, to, value: '700.00' })).id, 'limit_exceeded')
    const { amountLastDay, transfersToPayee, transfersLastHour } = await known({ by, to })
    assert.deepEqual([amountLastDay.value, transfersToPayee, transfersLastHour], ['0.00', 0, 1])
  })

  test('what was reserved counts until it is released, and as what was captured of it', async () => {
    const [by, to] = [member(), account()]
    const [one, two] = [await ask({ by, to, value: '300.00' }), await ask({ by, to, value: '40.00' })]
    assert.equal(await amountOf(by), '340.00')
    world.feed('transfer.voided', { transfer: await world.transferOf(one.id), reason: 'expired' }, world.clock.now())
    await world.post(two.id, { fromMember: by, to, kind: 'capture', amount: cny('15.00') })
    const { amountLastDay, transfersToPayee } = await known({ by, to })
    assert.deepEqual([amountLastDay.value, transfersToPayee], ['15.00', 1])
  })

  test('money counts from when it moved: however long it was held', async () => {
    const maker = member()
    const opened = await world.openCase(maker, '60000.00')
    world.clock.advance(20 * HOUR_MS)
    await world.decide({ case: opened.case, vote: 'approve', reviewer: 'rita' })
    assert.equal(await amountOf(maker), '60000.00', 'approved: it may move at any moment')
    const moved = { transfer: opened.transfer, fromMember: maker, kind: 'capture', amount: cny('60000.00') }
    world.feed('transfer.posted', moved, world.clock.now())
    await world.caughtUp()
    world.clock.advance(20 * HOUR_MS)
    assert.equal(await amountOf(maker), '60000.00')
    world.clock.advance(4 * HOUR_MS)
    assert.equal(await amountOf(maker), '0.00')
  })

  test('legs count one by one, the whole once', async () => {
    const [by, one, two] = [member(), account(), account()]
    const legs = [
      { to: one, value: '60.00' },
      { to: two, value: '40.00' },
    ]
    const { id } = await ask({ by, value: '100.00', legs })
    const transfer = String(await world.transferOf(id))
    assert.equal((await known({ by: member(), to: two })).payeeTransfersLastDay, 1, 'the second payee is counted, too')
    for (const [index, leg] of legIdsOf(transfer, 2).entries()) {
      const { to = '', value = '' } = legs[index] ?? {}
      world.feed(
        'transfer.posted',
        { transfer: leg, partOf: transfer, fromMember: by, to, amount: cny(value) },
        world.clock.now(),
      )
    }
    await world.caughtUp()
    const { amountLastDay, transfersLastHour, transfersToPayee } = await known({ by, to: two })
    assert.deepEqual([amountLastDay.value, transfersLastHour, transfersToPayee], ['100.00', 1, 1])
    const refused = await ask({ by, value: '100.00', legs })
    assert.equal(await amountOf(by), '200.00')
    await world.refuse(refused.id)
    assert.equal(await amountOf(by), '100.00')
  })

  test('what nobody asked risk control about counts once it has moved, for who pays', async () => {
    const [by, to, operator] = [member(), account(), `op_${randomUUID()}`]
    const at = world.clock.now()
    world.feed('transfer.posted', { transfer: `trf_${randomUUID()}`, fromMember: by, to, amount: cny('7.00') }, at)
    const asked = await ask({ by: operator, to, value: '5.00' }) // an operator, with the money of the same member
    await world.post(asked.id, { fromMember: by, to, amount: cny('5.00') })
    const { amountLastDay, transfersLastHour, transfersToPayee, payeeMembersLastDay } = await known({ by, to })
    assert.deepEqual(
      [amountLastDay.value, transfersLastHour, transfersToPayee, payeeMembersLastDay],
      ['12.00', 2, 2, 1],
    )
    assert.equal((await known({ by: operator, to })).transfersLastHour, 1, 'and for who asked')
  })

  test('money that came back was moved all the same, and its payee is new again', async () => {
    const [by, to] = [member(), account()]
    const { id } = await ask({ by, to, value: '90.00' })
    const transfer = await world.transferOf(id)
    const back = {
      transfer: `trf_${randomUUID()}`,
      kind: 'reversal',
      reverses: transfer,
      fromMember: 'mem_bob',
      amount: cny('90.00'),
    }
    world.feed('transfer.posted', back, world.clock.now()) // told of first
    await world.post(id, { fromMember: by, to, amount: cny('90.00') })
    const { amountLastDay, transfersToPayee } = await known({ by, to })
    assert.deepEqual([amountLastDay.value, transfersToPayee], ['90.00', 0])
    assert.equal(await amountOf('mem_bob'), '0.00', 'who gives back pays nobody')
  })

  test('one word after another, twice or the other way round: what has moved stays moved', async () => {
    const [by, to] = [member(), account()]
    const { id } = await ask({ by, to, value: '20.00' })
    const moved = { fromMember: by, to, amount: cny('20.00') }
    await world.post(id, moved)
    await world.refuse(id)
    await world.post(id, moved)
    const { amountLastDay, transfersToPayee, transfersLastHour } = await known({ by, to })
    assert.deepEqual([amountLastDay.value, transfersToPayee, transfersLastHour], ['20.00', 1, 1])
  })

  test('who asks again for what was let pass long ago has it counted again', async () => {
    const [by, key] = [member(), randomUUID()]
    await ask({ by, value: '50.00', key })
    world.clock.advance(2 * DAY_MS)
    assert.equal(await amountOf(by), '0.00')
    assert.equal((await ask({ by, value: '50.00', key })).replayed, true)
    assert.equal(await amountOf(by), '50.00')
  })

  test('what is read is found by an index, however much there is', async () => {
    const plans: string[] = []
    await world.database.transaction(async (sql) => {
      await sql.query('SET LOCAL enable_seqscan = off') // so little is read as a whole else
      const explaining: Sql = {
        async query<R extends Row>(text: string, values?: readonly SqlValue[]) {
          const lines = await sql.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values)
          plans.push(lines.map((line) => line['QUERY PLAN']).join('\n'))
          return [] as R[]
        },
      }
      const now = world.clock.now()
      await readMemberVelocity(explaining, 'mem_alice', 'CNY', now)
      await readPayeeVelocity(explaining, { member: 'mem_alice', payee: 'acc_bob', device: 'phone' }, now)
      await countRefused(explaining, ['trf_1'])
      await countApproved(explaining, 'trf_1', now)
      await forgetBefore(explaining, now, 10)
    })
    assert.equal(plans.length, 6)
    for (const plan of plans) assert.doesNotMatch(plan, /Seq Scan/, plan)
  })

  test('what no window reaches is let go, the rest stays', async () => {
    const [by, to] = [member(), account()]
    await world.post((await ask({ by, to })).id, { fromMember: by, to })
    const rows = () =>
      world.database.transaction((sql) => sql.query('SELECT part FROM counted_transfer WHERE member = $1', [by]))
    const forget = (before: number) => world.database.transaction((sql) => forgetBefore(sql, before as Instant, 1_000))
    await forget(world.clock.now() - MINUTE_MS)
    assert.equal((await rows()).length, 1)
    await eventually(async () => (await forget(world.clock.now() + 1)) === 0)
    assert.equal((await rows()).length, 0)
  })
})
