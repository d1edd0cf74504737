import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import type { Sql } from '../../../platform/database.ts'
import type { Lease } from '../append.ts'
import { clearingAccountsOf } from '../shards.ts'

/** Makes the shards up to the wished number, with their clearing accounts; those that are there stay. @returns all of them */
export async function openShards(sql: Sql, wished: number, now: Instant): Promise<readonly number[]> {
  for (let shard = 0; shard < wished; shard++) {
    await sql.query('INSERT INTO shard (shard) VALUES ($1) ON CONFLICT DO NOTHING', [shard])
    const accounts = clearingAccountsOf(shard)
    const [ids, currencies] = [accounts.map(({ id }) => id), accounts.map(({ currency }) => currency)]
    await sql.query(
      `INSERT INTO account (id, kind, currency, opened_at, shard)
       SELECT id, 'clearing', currency, $3, $4 FROM unnest($1::text[], $2::text[]) AS made (id, currency) ON CONFLICT DO NOTHING`,
      [ids, currencies, toRfc3339(now), shard],
    )
    await sql.query('INSERT INTO balance (account) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [ids])
  }
  const rows = await sql.query<{ shard: number }>('SELECT shard FROM shard ORDER BY shard')
  return rows.map(({ shard }) => Number(shard))
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

/** Whether the shard is still this writer's. */
export async function holdsShard(sql: Sql, { shard, epoch }: Pick<Lease, 'shard' | 'epoch'>): Promise<boolean> {
  const held = await sql.query('SELECT 1 FROM shard WHERE shard = $1 AND epoch = $2', [shard, epoch])
  return held.length === 1
}
