import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DatabaseServer } from '../../../src/platform/database.ts'
import { onEachStore } from '../../support/stores.ts'
import { type Harness, startHarness } from './harness.ts'

const TRANSFERS = 10_000
const AT_ONCE = 200
const MEMBERS = ['mem_v', 'mem_w', 'mem_x', 'mem_y', 'mem_z'] as const

onEachStore('ten thousand transfers', (store) => {
  let server: DatabaseServer
  let settlement: Harness
  before(async () => {
    server = await store.open()
    settlement = await startHarness(server)
  })
  after(async () => {
    await settlement.close()
    await server.close()
  })

  /** Both sides of so many transfers, each between two of the members, as the feed brings them: in order of their numbers. */
  const arrive = (from: number, count: number) =>
    settlement.database.transaction((sql) =>
      sql.query(
        `INSERT INTO settlement_line
           (seq, direction, member, currency, amount, transfer, kind, posted_at, account, counterparty)
         SELECT n, side.direction, ($3::text[])[1 + (n + side.at) % 5], 'CNY', 1 + n % 97, 'trf_' || n, 'transfer', $4,
           'acc', ($3::text[])[1 + (n + 1 - side.at) % 5]
         FROM generate_series($1::int, $2::int) AS n, (VALUES ('out', 0), ('in', 1)) AS side (direction, at)`,
        [from, from + count - 1, MEMBERS, new Date(settlement.clock.now()).toISOString()],
      ),
    )

  test('that arrive while batches are closed are lost by none and doubled by none, and their positions add up to nothing', async () => {
    const closings: string[] = []
    for (let from = 1; from <= TRANSFERS; from += AT_ONCE) {
      const cutOff = new Date(settlement.clock.now()).toISOString()
      const members = MEMBERS.filter((_, at) => (at + (from - 1) / AT_ONCE) % 2 === 0)
      const closing = members.map((member) => settlement.closeBatch(member, cutOff))
      const [, ...closed] = await Promise.all([arrive(from, AT_ONCE), ...closing])
      for (const { status, body } of closed) if (status === 201) closings.push(body.id)
      settlement.clock.advance(1)
    }
    settlement.clock.advance(1)
    const last = new Date(settlement.clock.now()).toISOString()
    for (const member of MEMBERS) await settlement.closeBatch(member, last)
    assert.ok(closings.length >= (2 * TRANSFERS) / AT_ONCE, 'batches were closed meanwhile')

    const read = <R extends Record<string, unknown>>(text: string) =>
      settlement.database.transaction((sql) => sql.query<R>(text))
    const [taken] = await read<{ lines: bigint; sides: bigint }>(
      'SELECT count(*) AS lines, count(DISTINCT (seq, direction)) AS sides FROM settlement_batch_line',
    )
    assert.deepEqual([taken?.lines, taken?.sides], [BigInt(2 * TRANSFERS), BigInt(2 * TRANSFERS)])
    const [totals] = await read<{ lines: string; net: string }>(
      'SELECT sum(lines)::text AS lines, sum(gross_in - gross_out)::text AS net FROM settlement_batch',
    )
    assert.deepEqual([totals?.lines, totals?.net], [String(2 * TRANSFERS), '0'])
    const split = await read(
      `SELECT one.seq FROM settlement_batch_line AS one JOIN settlement_batch_line AS other USING (seq)
       JOIN settlement_batch AS a ON a.id = one.batch JOIN settlement_batch AS b ON b.id = other.batch
       WHERE one.direction = 'in' AND other.direction = 'out'
         AND (a.through_seq < one.seq OR b.through_seq < other.seq)`,
    )
    assert.deepEqual(split, [], 'no batch has a line beyond its cut-off')
  })
})
