import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { money } from '../../../src/kernel/money.ts'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import type { Bank } from '../../../src/services/settlement/index.ts'
import { asMember, asOperator, asService, type Claims } from '../../support/caller.ts'
import { notificationXml, statementXml, type ToldLine } from '../../support/statements.ts'
import { onEachStore } from '../../support/stores.ts'
import { type Harness, startHarness, until } from './harness.ts'
import { asOther, asThird, type Paid, reconciling } from './reconciling.ts'

/** A bank that says yes; what its statements say is each test's. */
const bank: Bank = { send: async () => ({ kind: 'answered', statusOf: () => ({ kind: 'accepted' }) }) }

onEachStore('reconciliation', (store) => {
  let server: DatabaseServer
  let settlement: Harness
  before(async () => {
    server = await store.open()
    const config = { time_zone: 'Asia/Shanghai', cut_offs: ['22:00'], breaks: { open_max: { CNY: '1000000.00' } } }
    settlement = await startHarness(server, bank, { config }) // it begins at 20:00 in Shanghai
  })
  beforeEach(() => settlement.clock.advance(1_000))
  after(async () => {
    await settlement.close()
    await server.close()
  })

  const credit = { direction: 'credit', returned: true } as const
  const { inOneFile, pay, batchIs, told, put, statement, breaksOf, explain } = reconciling(() => settlement)

  test('matches what the bank booked, confirms it in the ledger, and says that nothing is in transit', async () => {
    const [one, two] = (await pay(['mem_r1', 1_000n], ['mem_r2', 2_500n])) as [Paid, Paid]
    const { status, body, headers } = await put(statement([told(two), told(one)]))
    assert.equal(status, 201, JSON.stringify(body))
    assert.equal(headers['location'], `/v1/reconciliations/${body.id}`)
    assert.deepEqual(body.lines, { all: 2, matched: 2, broken: 0 })
    assert.deepEqual([body.state, body.payouts], ['finished', { matched: 2, broken: 0 }])
    for (const { batch, payout } of [one, two]) {
      await batchIs(batch, 'settled')
      assert.ok(settlement.told.includes(`confirm ${payout}:confirm ${payout.replace('pay_', 'wdr_')}`))
    }
    const clearing = (await settlement.call('GET', '/v1/clearing-positions', asOperator)).body
    assert.deepEqual(clearing.items, [])
  })

  test('changes nothing when a statement comes twice, also at once', async () => {
    const [one] = (await pay(['mem_twice', 700n])) as [Paid]
    const xml = statementXml('S-twice', [told(one)], { to: '2026-03-01T23:59:59Z' })
    const answers = await Promise.all([put(xml), put(xml), put(xml)])
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 201])
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
    assert.equal((await put(xml)).status, 200)
    const rows = await settlement.database.transaction((sql) =>
      sql.query<{ raw: Uint8Array }>('SELECT raw FROM bank_statement ORDER BY imported_at DESC, id DESC LIMIT 1'),
    )
    assert.deepEqual(gunzipSync(rows[0]?.raw ?? Buffer.of()), xml)
    const other = statementXml('S-twice', [])
    assert.deepEqual([(await put(other)).status, (await put(other)).body.code], [409, 'conflict'])
  })

  test('is told some of it by notifications before, and does nothing twice when the statement brings it again', async () => {
    const [early, back, later, off] = (await pay(
      ['mem_n1', 100n],
      ['mem_n2', 200n],
      ['mem_n3', 300n],
      ['mem_n4', 400n],
    )) as [Paid, Paid, Paid, Paid]
    const notify = (xml: Uint8Array, caller = asOperator) => settlement.callXml('/v1/notifications', caller, xml)
    const first = notificationXml('N-1', [told(early), told(back), told(off, { amount: 399n })])
    const { status, body, headers } = await notify(first)
    assert.deepEqual([status, body.lines, body.paid, body.returned], [201, 3, 2, 0], JSON.stringify(body))
    assert.deepEqual((await settlement.call('GET', headers['location'] ?? '', asOperator)).body, body)
    const again = await Promise.all([notify(first), notify(first)])
    assert.deepEqual(
      again.map((answer) => [answer.status, answer.body.id]),
      Array(2).fill([200, body.id]),
    )
    await batchIs(early.batch, 'settled')
    await batchIs(back.batch, 'settled')
    const more = [told(early), told(back), told(back, credit)] // the day so far, once more
    const second = await notify(notificationXml('N-2', more))
    assert.deepEqual([second.body.paid, second.body.returned], [0, 1])
    assert.equal((await settlement.readBatch(back.batch)).body.state, 'settled', 'a statement alone gives back')

    const day = await put(statement([...more, told(later), told(off)]))
    assert.deepEqual(day.body.lines, { all: 5, matched: 5, broken: 0 }, JSON.stringify(await breaksOf(day.body.id)))
    assert.deepEqual(day.body.payouts, { matched: 4, broken: 0 })
    await batchIs(off.batch, 'settled')
    await batchIs(back.batch, 'returned')
    await notify(notificationXml('N-3', [told(later, credit)]))
    const next = await put(statement([told(later, credit)]))
    assert.deepEqual(next.body.lines, { all: 1, matched: 1, broken: 0 })
    await batchIs(later.batch, 'returned')
    const twice = await put(statement([told(later, credit), told(back, credit)]))
    assert.deepEqual(twice.body.lines, { all: 2, matched: 0, broken: 2 }, 'more than was paid is not given back')
    for (const { id } of await breaksOf(twice.body.id)) await explain(id)
    for (const { payout } of [back, later])
      assert.equal(settlement.told.filter((call) => call.startsWith(`deposit ${payout}:deposit`)).length, 1)
    for (const { batch, state } of [
      { ...early, state: 'settled' },
      { ...back, state: 'returned' },
    ])
      assert.equal((await settlement.readBatch(batch)).body.state, state)
  })

  test('says so when a notification was wrong, and takes back what it did', async () => {
    const [one] = (await pay(['mem_wrong', 600n])) as [Paid]
    await settlement.callXml('/v1/notifications', asOperator, notificationXml('N-4', [told(one)]))
    await batchIs(one.batch, 'settled')
    const { body } = await put(statement([]))
    const [missing] = await breaksOf(body.id)
    assert.deepEqual([missing.kind, missing.payouts], ['missing', [one.payout]])
    const sent = { resolution: 'give_back', reason: 'the bank took it back' }
    await settlement.call('POST', `/v1/breaks/${missing.id}/propose`, asOperator, { body: sent })
    await settlement.call('POST', `/v1/breaks/${missing.id}/approve`, asOther, { body: { version: 2 } })
    await batchIs(one.batch, 'returned')
    assert.ok(settlement.told.includes(`deposit ${one.payout}:deposit acc_wrong 6.00`))
    const late = await put(statement([told(one)]))
    assert.deepEqual(late.body.lines, { all: 1, matched: 0, broken: 1 }, 'paid after all: somebody has to look')
    for (const { id } of await breaksOf(late.body.id)) await explain(id)
  })

  test('needs two people for a write-off, and tells of it', async () => {
    const [one] = (await pay(['mem_off', 5_000n])) as [Paid]
    const { body } = await put(statement([told(one, { amount: 4_999n })]))
    const [found] = await breaksOf(body.id)
    assert.deepEqual(
      [found.kind, found.expected.value, found.actual.value, found.owner, found.payouts, found.lines],
      ['different', '50.00', '49.99', 'settlement-desk', [one.payout], [1]],
    )
    const step = (name: string, caller: Claims, sent: object) =>
      settlement.call('POST', `/v1/breaks/${found.id}/${name}`, caller, { body: sent })
    assert.equal((await step('approve', asOther, { version: 1 })).status, 409) // nothing is proposed
    const wrong = await step('propose', asOperator, { resolution: 'give_back', reason: 'x' })
    assert.deepEqual([wrong.status, wrong.body.code], [422, 'unacceptable_value'])
    assert.equal((await step('assign', asOperator, { owner: 'op_olga' })).body.owner, 'op_olga')
    const proposed = await step('propose', asOperator, { resolution: 'write_off', reason: 'a fee of the bank' })
    assert.deepEqual([proposed.body.state, proposed.body.version], ['proposed', 3])
    const alone = await step('approve', asOperator, { version: 3 })
    assert.deepEqual([alone.status, alone.body.code], [403, 'reviewer_not_allowed'])
    assert.equal((await step('approve', asOther, { version: 2 })).status, 409) // something else than was seen
    await step('propose', asOther, { resolution: 'write_off', reason: 'a fee of the bank' })
    assert.equal((await step('approve', asOperator, { version: 4 })).status, 403) // who brought the statement
    const approved = await step('approve', asThird, { version: 4 })
    assert.deepEqual(
      [approved.status, approved.body.state, approved.body.reason],
      [200, 'resolved', 'a fee of the bank'],
    )
    assert.equal((await step('assign', asOther, { owner: 'x' })).status, 409)
    await batchIs(one.batch, 'settled')
    const { body: feed } = await settlement.call('GET', '/internal/feed?after=0&waitMs=0', asService('membership'))
    const types = feed.items.filter(({ subject }: { subject: string }) => subject === found.id)
    assert.deepEqual(
      types.map(({ type }: { type: string }) => type),
      ['break.assigned', 'break.proposed', 'break.proposed', 'break.resolved'],
    )
  })

  test('resolves by itself what was missing and came later, and gives back what two people say never will', async () => {
    const [late, never] = (await pay(['mem_late', 300n], ['mem_never', 200n])) as [Paid, Paid]
    const { body } = await put(statement([]))
    const missing = await breaksOf(body.id)
    assert.deepEqual(
      missing.map(({ kind }: { kind: string }) => kind),
      ['missing', 'missing'],
    )
    await put(statement([told(late)]))
    await batchIs(late.batch, 'settled')
    const about = async ({ payout }: Paid) =>
      (await breaksOf(body.id)).find((one: { payouts: string[] }) => one.payouts.includes(payout))
    const [came, still] = [await about(late), await about(never)]
    assert.deepEqual([came.state, came.resolution, still.state], ['resolved', 'arrived_later', 'open'])
    const to = `/v1/breaks/${still.id}`
    const body2 = { resolution: 'give_back', reason: 'the bank lost it' }
    await settlement.call('POST', `${to}/propose`, asOperator, { body: body2 })
    assert.equal((await settlement.call('POST', `${to}/approve`, asOther, { body: { version: 2 } })).status, 200)
    await batchIs(never.batch, 'returned')
    assert.ok(settlement.told.some((call) => call.startsWith(`giveBack ${never.payout}:return`)))
  })

  test('lets no batch be closed while open breaks come to more than the limit', async () => {
    const { body } = await put(statement([{ amount: 100_000_100n, reference: 'who knows' }]))
    await settlement.post({ from: 'mem_payer', to: 'mem_held', amount: money('CNY', 1n) })
    settlement.clock.advance(1)
    const cutOff = new Date(settlement.clock.now()).toISOString()
    const refused = await settlement.closeBatch('mem_held', cutOff)
    assert.deepEqual([refused.status, refused.body.code], [409, 'conflict'])
    assert.equal(refused.body.state.open.value, '1000001.00')
    const [found] = await breaksOf(body.id)
    await explain(found.id)
    const closed = await settlement.closeBatch('mem_held', cutOff)
    assert.equal(closed.status, 201)
    await batchIs(closed.body.id, 'paid')
    await put(statement([{ amount: 1n, reference: closed.body.payout }])) // or it would be missing from here on
    await batchIs(closed.body.id, 'settled')
  })

  test('finds the planted differences and only those, whatever else a statement does', async () => {
    const plan = fc.record({
      minor: fc.bigInt({ min: 2n, max: 500n }),
      as: fc.constantFrom(
        ...(['plain', 'split', 'twice', 'missing', 'off_by_one', 'without_reference', 'foreign'] as const),
        ...(['in_file', 'in_file', 'returned', 'returned_less'] as const),
      ),
    })
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 8 }), fc.nat(), async (made, turn) => {
        run += 1
        const paid = await pay(...made.map(({ minor }, n) => [`mem_p${run}x${n}`, minor] as const))
        const file = await inOneFile(paid)
        const isSum = made.some(({ as }) => as === 'in_file') // of all that is not booked by itself
        const plans = made.map(({ minor, as }) => {
          return { minor, as: isSum && (as === 'missing' || as === 'without_reference') ? 'in_file' : as }
        })
        const sum = plans.reduce((all, { minor, as }) => (as === 'in_file' ? all + minor : all), 0n)
        const lines = plans.flatMap(({ minor, as }, n): ToldLine[] => {
          const line = told(paid[n] as Paid)
          if (as === 'missing' || as === 'in_file') return []
          if (as === 'split')
            return [
              { ...line, amount: 1n },
              { ...line, amount: minor - 1n },
            ]
          if (as === 'twice') return [line, line]
          if (as === 'off_by_one') return [{ ...line, amount: minor - 1n }]
          if (as === 'without_reference') return [{ ...line, reference: null }]
          if (as === 'foreign') return [line, { amount: 77n, reference: `foreign-${n}` }]
          if (as === 'returned') return [line, told(paid[n] as Paid, credit)]
          if (as === 'returned_less') return [line, told(paid[n] as Paid, { ...credit, amount: minor - 1n })]
          return [line]
        })
        if (isSum) lines.push({ amount: sum, reference: file })
        const turned = [...lines.slice(turn % (lines.length + 1)), ...lines.slice(0, turn % (lines.length + 1))]
        const { body, status } = await put(statement(turned))
        assert.equal(status, 201, JSON.stringify(body))
        const found = await breaksOf(body.id)
        const kinds = {
          twice: 'unexpected',
          foreign: 'unexpected',
          missing: 'missing',
          off_by_one: 'different',
          returned_less: 'returned',
        } as const
        const planted = plans.flatMap(({ as }) => (as in kinds ? [kinds[as as keyof typeof kinds]] : []))
        assert.deepEqual(found.map(({ kind }: { kind: string }) => kind).sort(), planted.sort())
        assert.equal(body.lines.matched + body.lines.broken, lines.length)
        assert.equal(body.lines.all, lines.length)
        assert.equal(body.payouts.matched + body.payouts.broken, paid.length)
      }),
      { numRuns: 12 },
    )
  })

  test('takes no statement that is not sound, not ours, or not XML; and of nobody but an operator', async () => {
    const sound = String(statementXml('S-wrong', [{ amount: 100n }]))
    const wrong: readonly (readonly [string, number])[] = [
      [sound.replace('<Amt Ccy="CNY">1.00', '<Amt Ccy="CNY">1.01'), 400],
      [sound.replace('BOOK', 'PDNG'), 400],
      [sound.replace('TIDEGATE-MAIN', 'SOMEBODY-ELSE'), 422],
      [sound.replace('<Acct>', '<CpyDplctInd>DUPL</CpyDplctInd><Acct>'), 400],
      ['{}', 400],
    ]
    for (const [xml, status] of wrong) assert.equal((await put(Buffer.from(xml))).status, status, xml.slice(0, 300))
    for (const xml of [sound, String(notificationXml('N', [])).replace('TIDEGATE-MAIN', 'SOMEBODY-ELSE'), '{}']) {
      const answer = await settlement.callXml('/v1/notifications', asOperator, Buffer.from(xml))
      assert.equal(answer.status, xml.includes('SOMEBODY') ? 422 : 400)
    }
    const asJson = await settlement.call('POST', '/v1/statements', asOperator, { body: {} })
    assert.deepEqual([asJson.status, asJson.body.code], [415, 'unsupported_media_type'])
    for (const path of ['/v1/breaks', '/v1/reconciliations', '/v1/clearing-positions']) {
      assert.equal((await settlement.call('GET', path, asMember('mem_a'))).status, 404)
    }
  })

  test('goes on after a cut-off of the calendar, at which every party is closed by itself, once, and not before', async () => {
    const parties = ['mem_cal1', 'mem_cal2', 'mem_cal3']
    const listed = async () => {
      const { body } = await settlement.call('GET', '/v1/settlement-batches?limit=100', asOperator)
      const all = body.items as { member: string; currency: string; cutOff: string; lines: number }[]
      return all.filter(({ member }) => parties.includes(member))
    }
    await settlement.post({ from: 'mem_cal1', to: 'mem_cal2', amount: money('CNY', 700n) })
    await settlement.post({ from: 'mem_cal2', to: 'mem_cal3', amount: money('JPY', 5n) })
    assert.deepEqual(await listed(), [])
    settlement.clock.advance(2 * 3_600_000)
    await until(async () => (await listed()).length === 4)
    const batches = await listed()
    assert.deepEqual(batches.map(({ member, currency, lines }) => `${member} ${currency} ${lines}`).sort(), [
      'mem_cal1 CNY 1',
      'mem_cal2 CNY 1',
      'mem_cal2 JPY 1',
      'mem_cal3 JPY 1',
    ])
    assert.deepEqual([...new Set(batches.map(({ cutOff }) => cutOff))], ['2026-03-01T14:00:00.000Z'])
  })
})
