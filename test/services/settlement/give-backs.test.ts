import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { DatabaseServer, Sql } from '../../../src/platform/database.ts'
import type { Bank } from '../../../src/services/settlement/index.ts'
import { asOperator } from '../../support/caller.ts'
import { notificationXml } from '../../support/statements.ts'
import { onEachStore } from '../../support/stores.ts'
import { type Harness, startHarness, until } from './harness.ts'
import { asOther, type Paid, reconciling } from './reconciling.ts'

const back = { direction: 'credit', returned: true } as const

onEachStore('money that comes back', (store) => {
  let server: DatabaseServer
  let settlement: Harness
  let isSilent = false
  /** Runs once, between what a page of the matching reads and what it writes. */
  let beforeMatch: (() => Promise<void>) | null = null
  /** It says yes, or nothing for a while. */
  const bank: Bank = {
    send: async () =>
      isSilent
        ? { kind: 'unknown', detail: 'no answer in time' }
        : { kind: 'answered', statusOf: () => ({ kind: 'accepted' }) },
  }
  const takeStop = () => {
    const stop = beforeMatch
    beforeMatch = null
    return stop
  }
  before(async () => {
    server = await store.open()
    settlement = await startHarness(stopping(server, takeStop), bank, {
      config: { breaks: { open_max: { CNY: '1000000.00' } } },
    })
  })
  beforeEach(() => settlement.clock.advance(1_000))
  after(async () => {
    await settlement.close()
    await server.close()
  })

  const { pay, batchIs, told, put, statement, breaksOf, decide, closeOne, inOneFile } = reconciling(() => settlement)
  const toldOf = ({ payout }: Pick<Paid, 'payout'>) =>
    settlement.told.filter((call) => call.includes(payout)).map((call) => call.split(' ')[0])
  const aboutIn = async (reconciliation: string, { payout }: Pick<Paid, 'payout'>) =>
    (await breaksOf(reconciliation)).filter(({ payouts }: { payouts: string[] }) => payouts.includes(payout))

  test('is back on the account, whether a statement tells of it with the payment or a later one', async () => {
    const [one, two] = (await pay(['mem_back', 900n], ['mem_later', 400n])) as [Paid, Paid]
    await put(statement([told(one), told(one, back), told(two)]))
    await batchIs(one.batch, 'returned')
    assert.ok(settlement.told.includes(`deposit ${one.payout}:deposit acc_back 9.00`))
    await batchIs(two.batch, 'settled')
    const { body } = await put(statement([told(two, back)]))
    assert.deepEqual(body.lines, { all: 1, matched: 1, broken: 0 })
    await batchIs(two.batch, 'returned')
  })

  test('is not given back on the word of a notification, before a statement or after one', async () => {
    const [one] = (await pay(['mem_word1', 100n])) as [Paid]
    await put(statement([told(one)]))
    await batchIs(one.batch, 'settled')
    const [two] = (await pay(['mem_word2', 200n])) as [Paid]
    const lines = [told(one, back), told(two), told(two, back)]
    const { body } = await settlement.callXml('/v1/notifications', asOperator, notificationXml('G-1', lines))
    assert.deepEqual([body.paid, body.returned], [1, 2])
    await batchIs(two.batch, 'settled')
    const day = (await put(statement([told(two)]))).body
    assert.deepEqual([day.lines.matched, await breaksOf(day.id)], [1, []])
    settlement.clock.advance(1)
    for (const paid of [one, two]) {
      const next = await settlement.closeBatch(paid.member, new Date(settlement.clock.now()).toISOString())
      assert.equal(next.body.carried.value, '0.00', 'nothing is owed again')
      assert.ok(!toldOf(paid).includes('deposit'))
    }
  })

  test('is not given back while the bank has yet to answer to the file, and is afterwards', async () => {
    isSilent = true
    const one = await closeOne('mem_silent', 300n)
    await until(async () => {
      settlement.clock.advance(1)
      return (await payoutOf(one)).state === 'sent'
    })
    settlement.clock.advance(2_000)
    const day = (await put(statement([]))).body
    const [missing] = await aboutIn(day.id, one)
    const refused = await decide(missing.id, 'give_back')
    assert.deepEqual([refused.status, refused.body.code], [409, 'conflict'])
    assert.deepEqual(refused.body.state, { file: (await payoutOf(one)).file, state: 'pending' })
    isSilent = false
    await until(async () => {
      settlement.clock.advance(60_000)
      return (await payoutOf(one)).state === 'paid'
    })
    assert.equal((await decide(missing.id, 'give_back')).status, 200)
    await batchIs(one.batch, 'returned')
    assert.deepEqual(toldOf(one), ['withdraw', 'giveBack'])
  })

  test('is given back when the statement that tells of the payment comes after that of the return', async () => {
    const [one, two] = (await pay(['mem_early1', 400n], ['mem_early2', 500n])) as [Paid, Paid]
    const first = (await put(statement([told(one, back), told(two, back)], '2026-02-28T23:00:00Z'))).body
    const kinds = (await breaksOf(first.id)).map(({ kind, payouts }: { kind: string; payouts: string[] }) => [
      kind,
      ...payouts,
    ])
    assert.deepEqual(new Set(kinds.map(String)), new Set([`returned,${one.payout}`, `returned,${two.payout}`]))
    const [early] = await aboutIn(first.id, one)
    const refused = await decide(early.id, 'give_back')
    assert.deepEqual([refused.status, refused.body.state], [409, { payout: one.payout, state: 'paid' }])
    const day = (await put(statement([told(one), told(two)]))).body
    assert.deepEqual([day.lines, await breaksOf(day.id)], [{ all: 2, matched: 2, broken: 0 }, []])
    for (const paid of [one, two]) {
      await batchIs(paid.batch, 'returned')
      assert.deepEqual(toldOf(paid), ['withdraw', 'confirm', 'deposit'])
      const [resolved] = await aboutIn(first.id, paid)
      assert.deepEqual([resolved.state, resolved.resolution, resolved.actor], ['resolved', 'give_back', 'settlement'])
    }
  })

  test('is given back of a payout that its file was booked for in one sum, or that no reference told of', async () => {
    const paid = (await pay(['mem_sum1', 600n], ['mem_sum2', 700n], ['mem_sum3', 800n])) as [Paid, Paid, Paid]
    const [one, two, three] = paid
    const file = await inOneFile([one, two])
    const lines = [
      told(one, back),
      told(three, back),
      { amount: 1_300n, reference: file },
      told(three, { reference: null }),
    ]
    const { body } = await put(statement(lines))
    assert.deepEqual(body.lines, { all: 4, matched: 4, broken: 0 }, JSON.stringify(await breaksOf(body.id)))
    await batchIs(one.batch, 'returned')
    await batchIs(two.batch, 'settled')
    await batchIs(three.batch, 'returned')
  })

  test('is given back as much of as came, where two people say so, and no more of it is carried', async () => {
    const [one] = (await pay(['mem_charged', 10_000n])) as [Paid]
    const day = (await put(statement([told(one), told(one, { ...back, amount: 9_900n })]))).body
    assert.deepEqual(day.lines, { all: 2, matched: 1, broken: 1 })
    await batchIs(one.batch, 'settled')
    const [less] = await aboutIn(day.id, one)
    assert.deepEqual([less.kind, less.expected.value, less.actual.value], ['returned', '0.00', '-99.00'])
    assert.equal((await decide(less.id, 'give_back')).status, 200)
    await batchIs(one.batch, 'returned')
    assert.ok(settlement.told.includes(`deposit ${one.payout}:deposit acc_charged 99.00`))
    const again = (await put(statement([told(one, { ...back, amount: 9_900n })]))).body
    const [unexpected] = await breaksOf(again.id)
    assert.deepEqual([unexpected.kind, unexpected.payouts], ['unexpected', []], 'once is all')
    const next = await closeOne('mem_charged', 100n)
    assert.equal((await settlement.readBatch(next.batch)).body.carried.value, '99.00')
  })

  test('is not asked for: what left twice, by the file and by itself, is a break, and what left in two parts is none', async () => {
    const [one, two, three] = (await pay(['mem_t1', 100n], ['mem_t2', 200n], ['mem_t3', 300n])) as [Paid, Paid, Paid]
    const file = await inOneFile([one, two])
    const right = (await put(statement([told(one), { amount: 200n, reference: file }]))).body
    assert.deepEqual([right.lines.matched, right.payouts.matched], [2, 2], JSON.stringify(await breaksOf(right.id)))
    const single = await inOneFile([three])
    const twice = (await put(statement([told(three), { amount: 300n, reference: single }]))).body
    const [again] = await breaksOf(twice.id)
    assert.deepEqual([twice.lines.broken, again.kind, again.actual.value], [1, 'unexpected', '3.00'])
    const [four, five] = (await pay(['mem_t4', 400n], ['mem_t5', 500n])) as [Paid, Paid]
    const whole = await inOneFile([four, five])
    const once = (await put(statement([told(four), { amount: 900n, reference: whole }]))).body
    const [more] = await breaksOf(once.id)
    assert.deepEqual([more.kind, more.expected.value, more.actual.value], ['different', '5.00', '9.00'])
    assert.deepEqual(more.payouts, [five.payout])
  })

  // PGlite has one connection: nobody can be under way beside a page.
  if (store.name === 'PostgreSQL') {
    test('is not given back by people who are overtaken by a statement', async () => {
      const [one] = (await pay(['mem_race', 900n])) as [Paid]
      settlement.clock.advance(2_000)
      const first = (await put(statement([]))).body
      const [missing] = await aboutIn(first.id, one)
      const body = { resolution: 'give_back', reason: 'the bank lost it' }
      const { version } = (await settlement.call('POST', `/v1/breaks/${missing.id}/propose`, asOperator, { body })).body
      const approval = () => settlement.call('POST', `/v1/breaks/${missing.id}/approve`, asOther, { body: { version } })
      let approved: ReturnType<typeof approval> | undefined
      beforeMatch = async () => {
        let isAnswered = false
        approved = approval()
        void approved.then(() => {
          isAnswered = true
        })
        await until(async () => isAnswered || (await isWaiting()))
      }
      const day = (await put(statement([told(one)]))).body
      assert.equal(day.lines.matched, 1)
      assert.equal((await approved)?.status, 409)
      await batchIs(one.batch, 'settled')
      assert.deepEqual(toldOf(one), ['withdraw', 'confirm'])
      assert.equal((await aboutIn(first.id, one))[0].resolution, 'arrived_later')
    })
  }

  async function isWaiting(): Promise<boolean> {
    const [row] = await settlement.database.transaction((sql) =>
      sql.query<{ waiting: bigint }>(
        `SELECT count(*) AS waiting FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE datname = current_database() AND NOT granted`,
      ),
    )
    return row !== undefined && row.waiting > 0n
  }

  async function payoutOf({ payout }: Pick<Paid, 'payout'>): Promise<{ state: string; file: string | null }> {
    const rows = await settlement.database.transaction((sql) =>
      sql.query<{ state: string; file: string | null }>('SELECT state, file FROM payout WHERE id = $1', [payout]),
    )
    return rows[0] as { state: string; file: string | null }
  }
})

/** The store, which runs what `takeStop` says before a match is written down. */
function stopping(server: DatabaseServer, takeStop: () => (() => Promise<void>) | null): DatabaseServer {
  const stoppingIn = (sql: Sql): Sql => ({
    ...sql,
    async query(text, values) {
      if (text.includes('UPDATE payout SET matched_in')) await takeStop()?.()
      return sql.query(text, values)
    },
  })
  return {
    ...server,
    async open(service, migrations) {
      const database = await server.open(service, migrations)
      return { ...database, transaction: (work) => database.transaction((sql) => work(stoppingIn(sql))) }
    },
  }
}
