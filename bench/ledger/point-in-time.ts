import pg from 'pg'
import { ENTRY_AT } from '../../src/services/cash-flow/store/accounts.ts'
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
      const at = new Date(first + ((last - first) * (nth + 1)) / READS).toISOString()
      const text = `EXPLAIN (ANALYZE, FORMAT JSON) ${ENTRY_AT}`
      const [explained] = (await client.query(text, [account?.shard, account?.id, at])).rows
      const [plan] = explained['QUERY PLAN']
      tookMs.push(plan['Planning Time'] + plan['Execution Time'])
    }
    return medianOf(tookMs)
  } finally {
    await client.end()
  }
}
