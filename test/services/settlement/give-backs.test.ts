import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import type { Bank } from '../../../src/services/settlement/index.ts'
import { asOperator } from '../../support/caller.ts'
import { notificationXml } from '../../support/statements.ts'
import { onEachStore } from '../../support/stores.ts'
import { type Harness, startHarness, until } from './harness.ts'
import { type Paid, reconciling } from './reconciling.ts'

const back = { direction: 'credit', returned: true } as const

onEachStore('money that comes back', (store) => {
  let server: DatabaseServer
  let settlement: Harness
  let isSilent = false
  /** It says yes, or nothing for a while. */
  const bank: Bank = {
    send: async () =>
      isSilent
        ? { kind: 'unknown', detail: 'no answer in time' }
        : { kind: 'answered', statusOf: () => ({ kind: 'accepted' }) },
  }
  before(async () => {
    server = await store.open()
    settlement = await startHarness(server, bank, { config: { breaks: { open_max: { CNY: '1000000.00' } } } })
  })
  beforeEach(() => settlement.clock.advance(1_000))
  after(async () => {
    await settlement.close()
    await server.close()
  })

  const { pay, batchIs, told, put, statement, breaksOf, decide, closeOne } = reconciling(() => settlement)
  const toldOf = ({ payout }: Pick<Paid, 'payout'>) =>
    settlement.told.filter((call) => call.includes(payout)).map((call) => call.split(' ')[0])
  const aboutIn = async (reconciliation: string, { payout }: Pick<Paid, 'payout'>) =>
    (await breaksOf(reconciliation)).filter(({ payouts }: { payouts: string[] }) => payouts.includes(payout))

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

  async function payoutOf({ payout }: Pick<Paid, 'payout'>): Promise<{ state: string; file: string | null }> {
    const rows = await settlement.database.transaction((sql) =>
      sql.query<{ state: string; file: string | null }>('SELECT state, file FROM payout WHERE id = $1', [payout]),
    )
    return rows[0] as { state: string; file: string | null }
  }
})
