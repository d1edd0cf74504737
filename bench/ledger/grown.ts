import pg from 'pg'
import { accounts } from './transfers.ts'

/** Of the entries, two for each transfer. */
export const PRELOADED_ENTRIES = 1_000_000

/**
 * Adds as many entries to a ledger that nobody has open, as if each account had paid its neighbour in the shard many times;
 * with the transfers that come with them. Balances are as before.
 */
export async function preload(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const sorted = accounts.toSorted((a, b) => a.shard - b.shard)
  const next = sorted.map((account, nth) => {
    const after = sorted[nth + 1]
    return after?.shard === account.shard ? after : sorted.find(({ shard }) => shard === account.shard)
  })
  try {
    await client.query('SET search_path TO cash_flow')
    await client.query('SET session_replication_role TO replica') // no foreign key is looked at, which would take minutes
    await client.query(
      `CREATE TEMP TABLE paid AS SELECT a.*, n.times AS nth, b.version AS version, b.posted, 'trf_' || md5(payer || ':' || n.times) AS transfer
       FROM unnest($1::text[], $2::text[], $3::text[], $4::int[]) AS a (payer, payee, member, shard)
       JOIN balance b ON b.account = a.payer CROSS JOIN generate_series(1, $5::int) AS n (times)`,
      [
        ...[sorted.map(({ id }) => id), next.map((account) => account?.id), sorted.map(({ member }) => member)],
        ...[sorted.map(({ shard }) => shard), PRELOADED_ENTRIES / 2 / accounts.length],
      ],
    )
    for (const statement of STATEMENTS) await client.query(statement)
  } finally {
    await client.end()
  }
}

const STATEMENTS = [
  `INSERT INTO transfer (id, kind, debit, credit, currency, amount, reference, maker, operation, created_at, key, request_digest)
   SELECT transfer, 'transfer', payer, payee, 'CNY', 1, 'bench', member, 'op_' || transfer, now(), transfer, transfer FROM paid`,
  `INSERT INTO entry (account, version, id, transfer, phase, direction, amount, posted, pending, recorded_at, shard)
   SELECT payer, version + 2 * nth - 1, 'ent_d' || transfer, transfer, 'post', 'debit', 1, posted - 1, 0, now(), shard FROM paid
   UNION ALL SELECT paid.payee, payee.version + 2 * nth, 'ent_c' || transfer, transfer, 'post', 'credit', 1, payee.posted, 0, now(), shard
   FROM paid JOIN balance payee ON payee.account = paid.payee`,
  `UPDATE balance SET version = version + 2 * (SELECT count(*) FROM paid WHERE payer = balance.account)
   WHERE account IN (SELECT payer FROM paid)`,
  'VACUUM ANALYZE',
  'CHECKPOINT',
]
