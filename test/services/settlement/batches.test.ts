import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { money } from '../../../src/kernel/money.ts'
import type { DatabaseServer, SqlValue } from '../../../src/platform/database.ts'
import { createOutbox } from '../../../src/platform/outbox.ts'
import { asAnonymous, asMember, asOperator, asService } from '../../support/caller.ts'
import { onEachStore } from '../../support/stores.ts'
import { type Harness, startHarness } from './harness.ts'

const cny = (minor: bigint) => money('CNY', minor)

const TRANSFERS = 10_000
const AT_ONCE = 500
/** Above the numbers of all that the other tests post. */
const FIRST = 1_000_000
const MEMBERS = ['mem_v', 'mem_w', 'mem_x', 'mem_y', 'mem_z'] as const

onEachStore('settlement batches', (store) => {
  let server: DatabaseServer
  let settlement: Harness
  before(async () => {
    server = await store.open()
    settlement = await startHarness(server)
  })
  /** A cut-off is said once for everybody, so each test has a time of its own. */
  let began = 0
  beforeEach(() => {
    settlement.clock.advance(86_400_000)
    began = settlement.clock.now()
  })
  /** `seconds` after the test began, RFC 3339. */
  const at = (seconds: number): string => new Date(began + seconds * 1000).toISOString()
  after(async () => {
    await settlement.close()
    await server.close()
  })

  test('close what was posted up to the cut-off, both ways, reversals too', async () => {
    await settlement.post(
      { from: 'mem_a', to: 'mem_b', amount: cny(10_000n) },
      { from: 'mem_b', to: 'mem_a', amount: cny(2_550n) },
      { from: 'mem_b', to: 'mem_a', amount: cny(1_000n), kind: 'reversal' },
      { from: 'mem_b', to: 'mem_a', amount: money('JPY', 7n) },
    )
    const { status, body, headers } = await settlement.closeBatch('mem_a', at(0))
    assert.equal(status, 201)
    const { id, ...rest } = body
    assert.equal(headers['location'], `/v1/settlement-batches/${id}`)
    assert.deepEqual(rest, {
      member: 'mem_a',
      currency: 'CNY',
      cutOff: at(0),
      through: at(0),
      lines: 3,
      carried: { currency: 'CNY', value: '0.00' },
      gross: { in: { currency: 'CNY', value: '35.50' }, out: { currency: 'CNY', value: '100.00' } },
      fees: { currency: 'CNY', value: '0.00' },
      net: { currency: 'CNY', value: '-64.50' },
      payouts: [],
      state: 'closed',
      closedAt: at(0),
      version: 1,
    })
    assert.deepEqual((await settlement.readBatch(id)).body, body)
  })

  test('tell what transfers cost who paid them apart from what they moved, and less it', async () => {
    await settlement.post(
      { from: 'mem_shop', to: 'mem_b', amount: cny(2_000n), fee: cny(150n) },
      { from: 'mem_shop', to: 'mem_shop', amount: cny(70n), fee: cny(150n) },
      { from: 'mem_b', to: 'mem_shop', amount: cny(9_000n), fee: cny(99n) },
    )
    const { body } = await settlement.closeBatch('mem_shop', at(0))
    const values = [body.gross.in, body.gross.out, body.fees, body.net].map(({ value }) => value)
    assert.deepEqual(values, ['90.70', '20.70', '3.00', '67.00'])
    const payee = await settlement.closeBatch('mem_b', at(0))
    assert.equal(payee.body.fees.value, '0.99')
  })

  test('are of one currency each', async () => {
    await settlement.post({ from: 'mem_jp', to: 'mem_cn', amount: money('JPY', 7n) })
    assert.equal((await settlement.closeBatch('mem_jp', at(0), 'CNY')).body.lines, 0)
    assert.deepEqual((await settlement.closeBatch('mem_jp', at(0), 'JPY')).body.net, { currency: 'JPY', value: '-7' })
  })

  test('are closed once: a repeat is answered with the first, in any form of the same time', async () => {
    await settlement.post({ from: 'mem_once', to: 'mem_b', amount: cny(500n) })
    const first = await settlement.closeBatch('mem_once', at(0))
    await settlement.post({ from: 'mem_once', to: 'mem_b', amount: cny(700n) })
    const again = await settlement.closeBatch('mem_once', at(8 * 3_600).replace('Z', '+08:00'))
    assert.deepEqual([first.status, again.status], [201, 200])
    assert.deepEqual(again.body, first.body)
  })

  test('closed by many at once are one batch', async () => {
    await settlement.post({ from: 'mem_race', to: 'mem_b', amount: cny(500n) })
    const answers = await Promise.all(Array.from({ length: 12 }, () => settlement.closeBatch('mem_race', at(0))))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [...Array(11).fill(200), 201])
    assert.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1)
    const events = await createOutbox(settlement.database, settlement.clock).read(0n, 1_000, 0)
    const told = events.filter(({ type, subject }) => type === 'settlement.closed' && subject === answers[0]?.body.id)
    assert.equal(told.length, 1)
  })

  test('leave to the next one what arrives late, though it was posted before the cut-off', async () => {
    await settlement.post({ from: 'mem_late', to: 'mem_b', amount: cny(100n) })
    const first = await settlement.closeBatch('mem_late', at(0))
    await settlement.post({ from: 'mem_late', to: 'mem_b', amount: cny(200n) }) // at the same time by the clock
    settlement.clock.advance(60_000)
    await settlement.post({ from: 'mem_late', to: 'mem_b', amount: cny(400n) })
    const second = await settlement.closeBatch('mem_late', at(1))
    settlement.clock.advance(60_000)
    const third = await settlement.closeBatch('mem_late', at(60))
    const values = [first, second, third].map(({ body }) => body.gross.out.value)
    assert.deepEqual(values, ['1.00', '2.00', '4.00'])
  })

  test('have both sides of a transfer on one side of the cut-off, by its number and not by the clock', async () => {
    await settlement.post({ from: 'mem_one', to: 'mem_two', amount: cny(100n) })
    const one = await settlement.closeBatch('mem_one', at(0))
    await settlement.post({ from: 'mem_one', to: 'mem_two', amount: cny(900n) }) // at the same time by the clock
    const two = await settlement.closeBatch('mem_two', at(0))
    assert.deepEqual([one.body.gross.out.value, two.body.gross.in.value], ['1.00', '1.00'])
    const query = `currency=CNY&cutOff=${encodeURIComponent(at(0))}`
    const { body } = await settlement.call('GET', `/v1/net-positions?${query}`, asOperator)
    const ours = body.items.filter(({ party }: { party: string }) => ['mem_one', 'mem_two'].includes(party))
    assert.deepEqual(
      ours.map((pair: { party: string; counterparty: string; net: { value: string } }) => [
        pair.party,
        pair.counterparty,
        pair.net.value,
      ]),
      [
        ['mem_one', 'mem_two', '-1.00'],
        ['mem_two', 'mem_one', '1.00'],
      ],
    )
    const unknown = `currency=CNY&cutOff=${encodeURIComponent(at(-1))}`
    assert.equal((await settlement.call('GET', `/v1/net-positions?${unknown}`, asOperator)).status, 404)
  })

  test('follow each other in time', async () => {
    await settlement.closeBatch('mem_order', at(-10))
    const before = await settlement.closeBatch('mem_order', at(-11))
    assert.deepEqual([before.status, before.body.code], [422, 'unacceptable_value'])
    assert.equal(before.body.errors[0].pointer, '/cutOff')
    assert.equal((await settlement.closeBatch('mem_order', at(-10))).status, 200)
    assert.equal((await settlement.closeBatch('mem_order', at(-9))).status, 201)
  })

  test('do not close what may still happen', async () => {
    const { status, body } = await settlement.closeBatch('mem_a', at(100_000))
    assert.deepEqual([status, body.code], [422, 'unacceptable_value'])
  })

  test('carry what came to less than nothing until it is made good, and pay only what is more', async () => {
    const closed: string[][] = []
    for (const minor of [-5_000n, 2_000n, 4_000n, 700n]) {
      const [from, to] = minor < 0n ? ['mem_owes', 'mem_b'] : ['mem_b', 'mem_owes']
      await settlement.post({ from, to, amount: cny(minor < 0n ? -minor : minor) })
      const { body } = await settlement.closeBatch('mem_owes', new Date(settlement.clock.now()).toISOString())
      closed.push([body.carried.value, body.net.value, 'payout' in body ? 'paid out' : 'nothing to pay'])
      settlement.clock.advance(1_000)
    }
    assert.deepEqual(closed, [
      ['0.00', '-50.00', 'nothing to pay'],
      ['-50.00', '-30.00', 'nothing to pay'],
      ['-30.00', '10.00', 'paid out'],
      ['0.00', '7.00', 'paid out'],
    ])
  })

  test('are listed by member, newest first, page by page', async () => {
    for (const seconds of [-30, -20, -10]) await settlement.closeBatch('mem_list', at(seconds))
    const list = (query: string) => settlement.call('GET', `/v1/settlement-batches?${query}`, asOperator)
    const first = (await list('member=mem_list&limit=2')).body
    const rest = (await list(`member=mem_list&limit=2&cursor=${first.next}`)).body
    const ids = [...first.items, ...rest.items].map(({ id }: { id: string }) => id)
    assert.deepEqual([first.items.length, rest.items.length, rest.next], [2, 1, null])
    assert.equal(new Set(ids).size, 3)
    assert.equal((await list('limit=100')).body.items.length > 3, true)
    assert.equal((await list('limit=101')).status, 400)
  })

  test('are the operators: a member, a service and a stranger find no such thing', async () => {
    const { body } = await settlement.closeBatch('mem_secret', at(0))
    for (const caller of [asMember('mem_secret'), asService('edge'), asAnonymous]) {
      const answers = await Promise.all([
        settlement.call('GET', `/v1/settlement-batches/${body.id}`, caller),
        settlement.call('GET', '/v1/settlement-batches?member=mem_secret', caller),
        settlement.call('POST', '/v1/settlement-batches', caller, {
          body: { member: 'mem_secret', currency: 'CNY', cutOff: at(0) },
        }),
      ])
      for (const answer of answers) assert.deepEqual([answer.status, answer.body.code], [404, 'not_found'])
    }
  })

  test('are not found under a name that none has', async () => {
    assert.equal((await settlement.readBatch('stb_nobody')).status, 404)
  })

  test('are asked for in one shape', async () => {
    const right = { member: 'mem_a', currency: 'CNY', cutOff: at(0) }
    const wrong = [
      {},
      { ...right, more: 1 },
      { ...right, member: 'acc_a' },
      { ...right, currency: 'XXX' },
      { ...right, cutOff: '2026-03-01' },
      { ...right, cutOff: 'yesterday' },
      { ...right, cutOff: '1969-12-31T23:59:59Z' },
      { ...right, cutOff: '0000-01-01T00:00:00Z' },
      { ...right, cutOff: 1_772_366_400 },
    ]
    for (const body of wrong) {
      const answer = await settlement.call('POST', '/v1/settlement-batches', asOperator, { body })
      assert.deepEqual([answer.status, answer.body.code], [400, 'validation_failed'], JSON.stringify(body))
    }
  })

  test('and their lines can not be changed or deleted, not even by settlement', async () => {
    const columns = {
      settlement_line: 'amount',
      settlement_batch: 'lines',
      settlement_batch_line: 'seq',
      settlement_batch_state: 'version',
      cut_off: 'through_seq',
      bank_statement: 'lines',
      statement_line: 'amount',
      reconciliation_match: 'rule',
      line_result: 'number',
      break_step: 'version',
    }
    for (const [table, column] of Object.entries(columns)) {
      for (const statement of [`DELETE FROM ${table}`, `UPDATE ${table} SET ${column} = 1`, `TRUNCATE ${table}`]) {
        const changed = settlement.database.transaction((sql) => sql.query(statement))
        await assert.rejects(changed, /permission denied/, statement)
      }
    }
  })

  /** Both sides of so many transfers, each between two of the members, as the feed brings them: in order of their numbers. */
  const arrive = (from: number, count: number) =>
    settlement.database.transaction((sql) =>
      sql.query(
        `WITH line AS (
           INSERT INTO settlement_line
             (seq, direction, member, currency, amount, transfer, kind, posted_at, account, counterparty)
           SELECT n, side.direction, ($3::text[])[1 + (n + side.at) % 5], 'CNY', 1 + n % 97, 'trf_' || n, 'transfer', $4,
             'acc', ($3::text[])[1 + (n + 1 - side.at) % 5]
           FROM generate_series($1::int, $2::int) AS n, (VALUES ('out', 0), ('in', 1)) AS side (direction, at)
           RETURNING seq, direction, member, currency, posted_at)
         INSERT INTO open_line (seq, direction, member, currency, posted_at) SELECT * FROM line`,
        [from, from + count - 1, MEMBERS, new Date(settlement.clock.now()).toISOString()],
      ),
    )

  test('lose and double none of ten thousand transfers that arrive while they are closed, and add up to nothing', async () => {
    const closings: string[] = []
    for (let from = FIRST; from < FIRST + TRANSFERS; from += AT_ONCE) {
      const cutOff = new Date(settlement.clock.now()).toISOString()
      const members = MEMBERS.filter((_, at) => (at + (from - FIRST) / AT_ONCE) % 2 === 0)
      const closing = members.map((member) => settlement.closeBatch(member, cutOff))
      const [, ...closed] = await Promise.all([arrive(from, AT_ONCE), ...closing])
      for (const { status, body } of closed) if (status === 201) closings.push(body.id)
      settlement.clock.advance(1)
    }
    settlement.clock.advance(1)
    const last = new Date(settlement.clock.now()).toISOString()
    for (const member of MEMBERS) await settlement.closeBatch(member, last)
    assert.ok(closings.length >= (2 * TRANSFERS) / AT_ONCE, 'batches were closed meanwhile')

    const read = <R extends Record<string, unknown>>(text: string, value: SqlValue) =>
      settlement.database.transaction((sql) => sql.query<R>(text, [value]))
    const [taken] = await read<{ lines: bigint; sides: bigint }>(
      'SELECT count(*) AS lines, count(DISTINCT (seq, direction)) AS sides FROM settlement_batch_line WHERE seq >= $1',
      FIRST,
    )
    assert.deepEqual([taken?.lines, taken?.sides], [BigInt(2 * TRANSFERS), BigInt(2 * TRANSFERS)])
    const [totals] = await read<{ lines: string; net: string }>(
      `SELECT sum(lines)::text AS lines, sum(gross_in - gross_out)::text AS net FROM settlement_batch
       WHERE member = ANY($1)`,
      MEMBERS,
    )
    assert.deepEqual([totals?.lines, totals?.net], [String(2 * TRANSFERS), '0'])
    const split = await read(
      `SELECT one.seq FROM settlement_batch_line AS one JOIN settlement_batch_line AS other USING (seq)
       JOIN settlement_batch AS a ON a.id = one.batch JOIN settlement_batch AS b ON b.id = other.batch
       WHERE one.direction = 'in' AND other.direction = 'out'
         AND (a.through_seq < one.seq OR b.through_seq < other.seq) AND one.seq >= $1`,
      FIRST,
    )
    assert.deepEqual(split, [], 'no batch has a line beyond its cut-off')
  })
})
