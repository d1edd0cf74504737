import pg from 'pg'
import { assert } from '../../src/kernel/assert.ts'
import type { Instant } from '../../src/kernel/clock.ts'
import { searchMonth } from '../../src/services/cash-flow/store/by-time.ts'
import { medianOf } from '../edge/samples.ts'
import { accounts } from './transfers.ts'

const READS = 200

/** How long the store takes to find an account's balance at a time, planning included: the median over accounts and times, in ms. */
export async function readPointInTime(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('SET search_path TO cash_flow')
    const { rows } = await client.query('SELECT min(recorded_at) AS first, max(recorded_at) AS last FROM entry')
    const [first, last] = [Number(rows[0].first), Number(rows[0].last)]
    const tookMs: number[] = []
    for (let nth = 0; nth < READS; nth++) {
      const account = accounts[(nth * 7) % accounts.length]
      assert(account !== undefined, 'there are accounts')
      const at = Math.floor(first + ((last - first) * (nth + 1)) / READS) as Instant
      const { text, values } = searchMonth(account, '<=', at)
      const [explained] = (await client.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, [...values])).rows
      const [plan] = explained['QUERY PLAN']
      tookMs.push(plan['Planning Time'] + plan['Execution Time'])
    }
    return medianOf(tookMs)
  } finally {
    await client.end()
  }
}
