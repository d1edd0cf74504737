import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { toRfc3339 } from '../../../src/kernel/clock.ts'
import { money } from '../../../src/kernel/money.ts'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import type { PaymentStatus } from '../../../src/platform/iso20022/status.ts'
import type { Bank } from '../../../src/services/settlement/index.ts'
import { asOperator } from '../../support/caller.ts'
import { statementXml } from '../../support/statements.ts'
import { onEachStore } from '../../support/stores.ts'
import { type Harness, startHarness, until } from './harness.ts'
import { asOther } from './reconciling.ts'

type Said = PaymentStatus | 'unknown' | 'refused'
const rejected = (reason: string): Said => ({ kind: 'rejected', reason })
const PAYMENTS = /<EndToEndId>([^<]*)<.*?<Othr><Id>([^<]*)</gs
/** An hour after the clock of the harness begins. */
const CALENDAR = { time_zone: 'Asia/Shanghai', cut_offs: ['21:00'] }
const PAGE = 100

onEachStore('settlement, by what the bank answers and the ledger holds,', (store) => {
  let server: DatabaseServer
  let settlement: Harness
  const empty = new Set<string>()
  /** What the bank says of a payment to each account, time after time; the last of it from then on. */
  const script = new Map<string, readonly Said[]>()
  const asked: string[] = []
  const say = (account: string): Said => {
    const [first = { kind: 'accepted' }, ...rest] = script.get(account) ?? []
    if (rest.length > 0) script.set(account, rest)
    asked.push(account)
    return first
  }
  const bank: Bank = {
    async send({ xml }) {
      const named = Buffer.from(xml).toString().matchAll(PAYMENTS)
      const said = new Map([...named].map(([, payment = '', account = '']) => [payment, say(account)]))
      if ([...said.values()].includes('unknown')) return { kind: 'unknown', detail: 'no answer' }
      if ([...said.values()].includes('refused')) return { kind: 'refused', detail: 'the bank answered 409' }
      return { kind: 'answered', statusOf: (payment) => said.get(payment) as PaymentStatus }
    },
  }
  before(async () => {
    server = await store.open()
    settlement = await startHarness(server, bank, { empty, config: CALENDAR })
  })
  after(async () => {
    await settlement.close()
    await server.close()
  })

  const query = <R extends Record<string, unknown>>(text: string, ...values: readonly string[]) =>
    settlement.database.transaction((sql) => sql.query<R>(text, values))
  const close = async (member: string) => {
    settlement.clock.advance(1) // a cut-off is said once for everybody
    return (await settlement.closeBatch(member, toRfc3339(settlement.clock.now()))).body
  }
  /** A batch of 100.00 that came to each of the member's accounts. */
  const closeWith = async (member: string, ...accounts: readonly string[]) => {
    const amount = money('CNY', 10_000n)
    await settlement.post(...accounts.map((onto) => ({ from: 'mem_buyer', to: member, onto, amount })))
    return close(member)
  }
  /** So that no currency is held up any more. */
  const writeAllOff = async () => {
    const { body } = await settlement.call('GET', '/v1/breaks?state=open', asOperator)
    for (const { id } of body.items) {
      const sent = { resolution: 'write_off', reason: 'of the test' }
      await settlement.call('POST', `/v1/breaks/${id}/propose`, asOperator, { body: sent })
      await settlement.call('POST', `/v1/breaks/${id}/approve`, asOther, { body: { version: 2 } })
    }
  }
  const statesOf = async (batch: { id: string }): Promise<Record<string, string>> => {
    const { payouts } = (await settlement.readBatch(batch.id)).body
    return Object.fromEntries(payouts.map((one: { account: string; state: string }) => [one.account, one.state]))
  }
  const becomes = (batch: { id: string }, states: Record<string, string>) =>
    until(async () => {
      settlement.clock.advance(100) // so that the waits between tries pass
      const now = await statesOf(batch)
      return Object.entries(states).every(([account, state]) => now[account] === state)
    })
  const givenBack = (batch: { payouts: { id: string }[] }) =>
    batch.payouts.filter(({ id }) => settlement.told.some((call) => call.startsWith(`giveBack ${id}:`))).length

  for (const [name, why, said] of [
    ['duplicate', 'a duplicate', rejected('AM05')],
    ['file', 'a file that it does not take', 'refused'],
  ] as const) {
    test(`is not told by ${why} that what was sent before was not paid`, async () => {
      const [unclear, once] = [`acc_unclear${name}`, `acc_once${name}`]
      script.set(unclear, ['unknown', said])
      const batch = await closeWith(`mem_unclear${name}`, unclear)
      const fileIsOver =
        "SELECT FROM payout JOIN payment_file ON payment_file.id = file WHERE batch = $1 AND payment_file.state <> 'pending'"
      await until(async () => {
        settlement.clock.advance(100)
        return (await query(fileIsOver, batch.id)).length > 0
      })
      assert.deepEqual([await statesOf(batch), givenBack(batch)], [{ [unclear]: 'sent' }, 0])
      script.set(once, [said])
      const first = await closeWith(`mem_once${name}`, once)
      await becomes(first, { [once]: 'refused' }) // it was never sent before
      assert.equal(givenBack(first), 1)
    })
  }

  test('takes a refusal that names another reason for one, after no answer, too', async () => {
    script.set('acc_gone', ['unknown', rejected('AC04')])
    const batch = await closeWith('mem_gone', 'acc_gone')
    await becomes(batch, { acc_gone: 'refused' })
    assert.equal(givenBack(batch), 1)
  })

  test('resolves what a statement missed once the bank refuses it', async () => {
    script.set('acc_missed', ['unknown', rejected('AC04')])
    const batch = await closeWith('mem_missed', 'acc_missed')
    const wasSent =
      'SELECT FROM payout JOIN payment_file ON payment_file.id = file WHERE batch = $1 AND payment_file.last_error <> $2'
    await until(async () => (await query(wasSent, batch.id, '')).length > 0)
    const to = new Date(settlement.clock.now() + 1_000).toISOString()
    const { body } = await settlement.callXml('/v1/statements', asOperator, statementXml('M-1', [], { to }))
    const breaks = async () =>
      (await settlement.call('GET', `/v1/breaks?reconciliation=${body.id}`, asOperator)).body.items
    const about = async () =>
      (await breaks()).find(({ payouts }: { payouts: string[] }) => payouts.includes(batch.payout))
    assert.deepEqual([(await about()).kind, (await about()).state], ['missing', 'open'])
    await becomes(batch, { acc_missed: 'refused' })
    const { state, resolution, reason } = await about()
    assert.deepEqual([state, resolution, reason], ['resolved', 'refused_later', 'refused: AC04'])
    await writeAllOff() // what else it missed
    assert.equal(givenBack(batch), 1)
  })

  test('does what is decided of a file, though something in it is not', async () => {
    script.set('acc_slow', [{ kind: 'pending' }])
    script.set('acc_bad', [rejected('AC04')])
    const batch = await closeWith('mem_several', 'acc_slow', 'acc_bad', 'acc_good')
    await becomes(batch, { acc_slow: 'sent', acc_bad: 'refused', acc_good: 'paid' })
    script.set('acc_slow', [{ kind: 'accepted' }])
    script.set('acc_good', [rejected('AM05')]) // it is over
    await becomes(batch, { acc_slow: 'paid', acc_bad: 'refused', acc_good: 'paid' })
  })

  test('pays what came since from an account that does not hold what is carried', async () => {
    empty.add('acc_short')
    const first = await closeWith('mem_short', 'acc_short')
    await becomes(first, { acc_short: 'refused' })
    empty.delete('acc_short')
    const second = await closeWith('mem_short', 'acc_short')
    const shares = second.payouts.map((one: { account: string; amount: { value: string } }) => [
      one.account,
      one.amount.value,
    ])
    assert.deepEqual([second.carried.value, second.net.value], ['100.00', '200.00'])
    assert.deepEqual(shares, [
      ['acc_short', '100.00'],
      ['acc_short', '100.00'],
    ])
    await becomes(second, { acc_short: 'paid' })
  })

  test('closes everybody at a cut-off, whoever fails and whatever currency is held up', async () => {
    const many = Array.from({ length: PAGE + 1 }, (_, at) => `mem_page${at}`)
    await settlement.post({ from: 'mem_buyer', to: 'mem_0fails', amount: money('USD', 100n) })
    settlement.clock.advance(1)
    await settlement.closeBatch('mem_0fails', toRfc3339(settlement.clock.now()), 'USD')
    await query(
      `INSERT INTO open_line SELECT seq, direction, member, currency, posted_at FROM settlement_line
       WHERE member = 'mem_0fails'`, // as if no batch had it, which fails
    )
    await settlement.callXml('/v1/statements', asOperator, statementXml('F-1', [{ amount: 1n }])) // a break in CNY
    await settlement.post(
      ...many.map((to) => ({ from: 'mem_page0', to, amount: money('CNY', 100n) })),
      ...many.map((to) => ({ from: 'mem_page0', to, amount: money('USD', 100n) })),
    )
    settlement.clock.advance(3_600_000)
    const closed = async (currency: string) =>
      (await query("SELECT FROM settlement_batch WHERE currency = $1 AND member LIKE 'mem_page%'", currency)).length
    await until(async () => (await closed('USD')) === many.length)
    assert.equal(await closed('CNY'), 0)
    await writeAllOff()
    await until(async () => {
      settlement.clock.advance(1_000)
      return (await closed('CNY')) === many.length
    })
  })

  test('carries what was refused into the next cut-off, though nothing else has come since', async () => {
    script.clear() // what else was refused is carried as well, in one file with it
    empty.add('acc_owed')
    const first = await closeWith('mem_owed', 'acc_owed')
    await becomes(first, { acc_owed: 'refused' })
    empty.delete('acc_owed')
    settlement.clock.advance(24 * 3_600_000)
    const batches = async () =>
      (await settlement.call('GET', '/v1/settlement-batches?member=mem_owed', asOperator)).body.items
    await until(async () => (await batches()).length === 2)
    const [next] = await batches()
    assert.deepEqual([next.lines, next.carried.value, next.net.value], [0, '100.00', '100.00'])
    await becomes(next, { acc_owed: 'paid' })
    settlement.clock.advance(24 * 3_600_000)
    await closeWith('mem_other', 'acc_other') // the cut-off is gone through by the time this one is
    assert.equal((await batches()).length, 2)
  })
})
