import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import type { Sql } from '../../../platform/database.ts'
import type { Lease } from '../append.ts'
import { clearingAccountsOf } from '../shards.ts'

/** The shards that there are, in ascending order. */
export async function listShards(sql: Sql): Promise<readonly number[]> {
  const rows = await sql.query<{ shard: number }>('SELECT shard FROM shard ORDER BY shard')
  return rows.map(({ shard }) => Number(shard))
}

/** Whether there are so many shards, each with all of its clearing accounts. */
export async function hasShards(sql: Sql, wished: number): Promise<boolean> {
  const ids = Array.from({ length: wished }, (_, shard) => clearingAccountsOf(shard).map(({ id }) => id)).flat()
  const [found] = await sql.query<{ count: bigint }>('SELECT count(*) FROM account WHERE id = ANY($1)', [ids])
  return found?.count === BigInt(ids.length) && (await listShards(sql)).length >= wished
}

/** Makes the partitions of the month of this time. */
export async function openMonth(sql: Sql, at: Instant): Promise<void> {
  await sql.query('SELECT open_month($1::date)', [toRfc3339(at).slice(0, 10)])
}

/** Takes the shard from whoever writes it: that one's next batch will not be committed. Waits for a batch that is being committed. */
export async function takeShard(sql: Sql, shard: number): Promise<Lease> {
  const [row] = await sql.query<Omit<Lease, 'shard'>>(
    'UPDATE shard SET epoch = epoch + 1 WHERE shard = $1 RETURNING epoch, seq, hash, at',
    [shard],
  )
  if (row === undefined) throw new Error(`there is no shard ${shard}`)
  return { shard, ...row }
}

/** Whether all of these shards are still this writer's. */
export async function holdsShards(sql: Sql, leases: readonly Lease[]): Promise<boolean> {
  const held = await sql.query(
    'SELECT FROM shard JOIN unnest($1::smallint[], $2::bigint[]) AS lease (shard, epoch) USING (shard, epoch)',
    [leases.map(({ shard }) => `${shard}`), leases.map(({ epoch }) => `${epoch}`)],
  )
  return held.length === leases.length
}
