import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import { createBank } from '../../../src/adapters/bank.ts'
import { toRfc3339 } from '../../../src/kernel/clock.ts'
import type { Id } from '../../../src/kernel/id.ts'
import { money, toWire } from '../../../src/kernel/money.ts'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import { setAside } from '../../../src/platform/dead-letters.ts'
import { checkOf } from '../../../src/platform/schema.ts'
import { startBank } from '../../../src/sandbox/bank/bank.ts'
import type { StandIn } from '../../../src/sandbox/stand-in.ts'
import { settlementEvents } from '../../../src/services/settlement/event-schema.ts'
import { testBreaker } from '../../support/breakers.ts'
import { asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type Harness, startHarness, until } from './harness.ts'

const JSON_BODY = { 'content-type': 'application/json' }

onEachStore('payouts', (store) => {
  let server: DatabaseServer
  let bank: StandIn
  let settlement: Harness
  let asked: string[]
  /** How many answers of the bank are still to be lost on their way. */
  let answersToLose: number
  /** What the bank answers without paying, if not null. */
  let statusInstead: number | null
  const line = createServer(async (request, response) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    asked.push(/<EndToEndId>([^<]*)</.exec(body)?.[1] ?? '')
    if (statusInstead !== null) return void response.writeHead(statusInstead).end()
    const answer = await fetch(bank.url + request.url, { method: 'POST', body }).catch(() => null)
    if (answer === null || answersToLose-- > 0) return void response.destroy()
    response.writeHead(answer.status).end(await answer.text())
  })

  const breaker = testBreaker()
  /** Accounts that hold nothing. */
  const empty = new Set<string>()
  const frozen = new Set<string>()
  before(async () => {
    await new Promise<void>((done) => line.listen(0, '127.0.0.1', done))
    server = await store.open()
    bank = await startBank({ host: '127.0.0.1', port: 0 })
    const url = `http://127.0.0.1:${(line.address() as AddressInfo).port}`
    settlement = await startHarness(server, createBank({ url, timeoutMs: 5_000, breaker }), { empty, frozen })
  })
  beforeEach(() => {
    asked = []
    answersToLose = 0
    statusInstead = null
  })
  after(async () => {
    await settlement.close()
    await bank.close()
    await server.close()
    line.closeAllConnections()
    line.close()
  })

  /** A batch of one transfer to the member, of 123.45. */
  const closeOneFor = async (member: string) => {
    settlement.clock.advance(1) // a cut-off is said once for everybody
    await settlement.post({ from: 'mem_buyer', to: member, amount: money('CNY', 12_345n) })
    return (await settlement.closeBatch(member, toRfc3339(settlement.clock.now()))).body
  }
  const becomes = (state: string, id: string, waitedS = 0) =>
    until(async () => {
      settlement.clock.advance(waitedS * 1_000) // so that the waits between tries pass
      return (await settlement.readBatch(id)).body.state === state
    })
  const paidTo = async (member: string) => {
    const { items } = (await (await fetch(`${bank.url}/payouts`)).json()) as {
      items: { name: string; file?: string }[]
    }
    return items.filter(({ name }) => name === member).map(({ file: _file, ...payout }) => payout)
  }
  const setDown = (down: boolean) =>
    fetch(`${bank.url}/control`, { method: 'POST', headers: JSON_BODY, body: JSON.stringify({ down }) })
  const eventsOf = async (batch: string): Promise<string[]> => {
    const { body } = await settlement.call('GET', '/internal/feed?after=0&waitMs=0', asService('membership'))
    const events = (body.items as { type: string; subject: string; data: unknown }[]).filter((e) => e.subject === batch)
    for (const { type, data } of events) {
      const described = settlementEvents[type]
      assert.ok(described !== undefined, `${type} is described`)
      const checked = checkOf(described.data)(data)
      assert.ok(checked.ok, `${type}: ${JSON.stringify([checked, data])}`)
    }
    return events.map(({ type }) => type)
  }

  test('pay the net of a batch, and the batch says so', async () => {
    const batch = await closeOneFor('mem_shop')
    await becomes('paid', batch.id)
    assert.deepEqual(await paidTo('mem_shop'), [
      { id: batch.payout, account: 'acc_shop', name: 'mem_shop', amount: batch.net, state: 'paid' },
    ])
    assert.equal(batch.net.value, '123.45')
    assert.deepEqual(settlement.told, [`withdraw ${batch.payout} acc_shop 123.45`]) // before the bank was asked
    assert.equal((await settlement.readBatch(batch.id)).body.version, 2)
    assert.deepEqual(await eventsOf(batch.id), ['settlement.closed', 'settlement.paid'])
  })

  test('are paid once though the answers were lost, for they are asked for under one id', async () => {
    answersToLose = 3
    const batch = await closeOneFor('mem_lost')
    await becomes('paid', batch.id, 1)
    assert.deepEqual(asked, Array(4).fill(batch.payout))
    assert.equal((await paidTo('mem_lost')).length, 1)
  })

  test('wait for a bank that is away', async () => {
    await setDown(true)
    const batch = await closeOneFor('mem_away')
    await until(async () => {
      settlement.clock.advance(1_000)
      return asked.length > 1
    })
    assert.equal((await settlement.readBatch(batch.id)).body.state, 'closed')
    await setDown(false)
    await becomes('paid', batch.id, 60)
  })

  test('wait while an operator keeps the breaker of the bank open, and are no older for it', async () => {
    breaker.force({ to: 'open', by: 'op_olga', reason: 'the bank is moving', until: null })
    const batch = await closeOneFor('mem_stopped')
    const tries = () =>
      settlement.database.transaction((sql) =>
        sql.query<{ tries: number; last_error: string }>(
          'SELECT tries, last_error FROM payment_file WHERE id = (SELECT file FROM payout WHERE batch = $1)',
          [batch.id],
        ),
      )
    await until(async () => (await tries())[0]?.last_error === 'the breaker of the bank is open')
    assert.deepEqual([(await tries())[0]?.tries, asked], [0, []])
    breaker.release('op_olga', 'it is back')
    await becomes('paid', batch.id, 60)
    breaker.force({ to: 'closed', by: 'op_olga', reason: 'for the other tests', until: null })
  })

  test('that the bank refuses are not asked for again, and the batch says so', async () => {
    statusInstead = 422
    const batch = await closeOneFor('mem_closed')
    await becomes('refused', batch.id)
    settlement.clock.advance(3_600_000)
    statusInstead = null
    const later = await closeOneFor('mem_open')
    await becomes('paid', later.id)
    assert.deepEqual(asked, [batch.payout, later.payout])
    assert.ok(settlement.told.includes(`giveBack ${batch.payout}:return ${batch.payout.replace('pay_', 'wdr_')}`))
    assert.deepEqual(await eventsOf(batch.id), ['settlement.closed', 'settlement.refused'])
  })

  test('of which the account does not hold enough are not sent to the bank, and the batch says so', async () => {
    empty.add('acc_spent')
    const batch = await closeOneFor('mem_spent')
    await becomes('refused', batch.id)
    assert.deepEqual([asked, (await paidTo('mem_spent')).length], [[], 0])
    const [payout] = (await settlement.readBatch(batch.id)).body.payouts
    assert.deepEqual([payout.state, payout.reason], ['refused', 'it does not hold as much'])
  })

  test('are not made to a member who is frozen: the money is back on the account, and paid later', async () => {
    frozen.add('mem_frozen')
    const batch = await closeOneFor('mem_frozen')
    await becomes('refused', batch.id)
    const [payout] = (await settlement.readBatch(batch.id)).body.payouts
    assert.deepEqual([payout.reason, asked], ['the member is frozen', []])
    assert.ok(settlement.told.includes(`giveBack ${payout.id}:return ${payout.id.replace('pay_', 'wdr_')}`))
    frozen.clear()
    const next = await closeOneFor('mem_frozen')
    await becomes('paid', next.id)
    const shares = next.payouts.map(({ amount }: { amount: { value: string } }) => amount.value)
    assert.deepEqual([next.net.value, shares], ['246.90', ['123.45', '123.45']]) // what is carried is by itself
  })

  test('are made from each account by what came to it; one that is refused is paid with the next batch', async () => {
    settlement.clock.advance(1)
    const [tills, change] = [settlement.told.length, { from: 'mem_buyer', to: 'mem_tills' }]
    await settlement.post(
      { ...change, onto: 'acc_till1', amount: money('CNY', 3_000n) },
      { ...change, onto: 'acc_till2', amount: money('CNY', 7_000n) },
      { from: 'mem_tills', to: 'mem_buyer', amount: money('CNY', 500n), fee: money('CNY', 1n) }, // of a third account
      { ...change, onto: 'acc_till1', amount: money('CNY', 10n) }, // the last that came
    )
    empty.add('acc_till1')
    const { body: batch } = await settlement.closeBatch('mem_tills', toRfc3339(settlement.clock.now()))
    const sharesOf = ({
      body,
    }: {
      body: { payouts: { account: string; amount: { value: string }; state: string }[] }
    }) => body.payouts.map(({ account, amount, state }) => [account, amount.value, state])
    await becomes('paid', batch.id)
    assert.deepEqual(sharesOf(await settlement.readBatch(batch.id)), [
      ['acc_till2', '70.00', 'paid'],
      ['acc_till1', '25.09', 'refused'],
    ])
    assert.deepEqual([batch.net.value, batch.payout], ['95.09', batch.payouts[0].id])
    assert.deepEqual(settlement.told.slice(tills), [`withdraw ${batch.payout} acc_till2 70.00`])
    assert.deepEqual((await eventsOf(batch.id)).toSorted(), [
      'settlement.closed',
      'settlement.paid',
      'settlement.refused',
    ])

    empty.delete('acc_till1')
    settlement.clock.advance(1)
    await settlement.post({ ...change, onto: 'acc_till2', amount: money('CNY', 100n) })
    const { body: next } = await settlement.closeBatch('mem_tills', toRfc3339(settlement.clock.now()))
    assert.deepEqual([next.carried.value, next.net.value], ['25.09', '26.09'])
    await becomes('paid', next.id)
    assert.deepEqual(sharesOf(await settlement.readBatch(next.id)), [
      ['acc_till1', '25.09', 'paid'],
      ['acc_till2', '1.00', 'paid'],
    ])
    settlement.clock.advance(1)
    const { body: last } = await settlement.closeBatch('mem_tills', toRfc3339(settlement.clock.now()))
    assert.deepEqual([last.carried.value, last.payouts], ['0.00', []], 'it is carried once')
  })

  test('are all made from the account that the closing names, and a repeat names no other', async () => {
    settlement.clock.advance(1)
    await settlement.post({ from: 'mem_buyer', to: 'mem_named', amount: money('CNY', 100n) })
    const right = { member: 'mem_named', currency: 'CNY', cutOff: toRfc3339(settlement.clock.now()) }
    const close = (more: object) =>
      settlement.call('POST', '/v1/settlement-batches', asOperator, { body: { ...right, ...more } })
    const first = await close({ account: 'acc_else' })
    const [again, other] = [await close({ account: 'acc_else' }), await close({ account: 'acc_other' })]
    assert.deepEqual([first.status, again.status, (await close({})).status], [201, 200, 200])
    assert.deepEqual([other.status, other.body.code, other.body.state.accounts], [409, 'conflict', ['acc_else']])
    await becomes('paid', first.body.id)
    assert.ok(settlement.told.includes(`withdraw ${first.body.payout} acc_else 1.00`))
  })

  test('are of what was taken from the dead letters, too, after a cut-off that it was behind', async () => {
    const [seq, subject, at] = [0n, 'trf_dead', settlement.clock.now()] // before all that was posted
    const ends = { from: 'acc_buyer', to: 'acc_dead', fromMember: 'mem_buyer', toMember: 'mem_dead' }
    const data = { transfer: subject, ...ends, amount: toWire(money('CNY', 10_000n)), kind: 'transfer', reference: 'x' }
    const event = { id: 'evt_dead' as Id<'event'>, seq, type: 'transfer.posted', at, subject, members: [], data }
    await settlement.database.transaction((sql) =>
      setAside(sql, settlement.clock, 'cash-flow', event, { error: 'a bug of that day', tries: 8 }),
    )
    const first = await closeOneFor('mem_dead')
    const replayed = await settlement.call('POST', `/v1/dead-letters/settlement/cash-flow/${seq}/replay`, asOperator)
    assert.equal(replayed.status, 200)
    await until(async () => {
      const open = "SELECT FROM open_line WHERE member = 'mem_dead'"
      return (await settlement.database.transaction((sql) => sql.query(open))).length > 0
    })
    const [second, third] = [await closeOneFor('mem_dead'), await closeOneFor('mem_dead')]
    assert.deepEqual(
      [first, second, third].map(({ net }) => net.value),
      ['123.45', '223.45', '123.45'],
    )
  })

  test('are not made when there is nothing to pay', async () => {
    settlement.clock.advance(1)
    await settlement.post({ from: 'mem_payer', to: 'mem_shop', amount: money('CNY', 1n) })
    const { body: batch } = await settlement.closeBatch('mem_payer', toRfc3339(settlement.clock.now()))
    assert.deepEqual([batch.net.value, 'payout' in batch], ['-0.01', false])
    const rows = await settlement.database.transaction((sql) =>
      sql.query('SELECT 1 FROM payout WHERE batch = $1', [batch.id]),
    )
    assert.equal(rows.length, 0)
  })
})
