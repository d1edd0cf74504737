import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Database, DatabaseServer } from '../../../src/platform/database.ts'
import { openPostgres } from '../../../src/platform/postgres.ts'
import { cashFlowMigrations } from '../../../src/services/cash-flow/index.ts'
import { createBareDatabase } from '../../support/stores.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

/** The first migration that an older database has not seen. */
const SINCE = '015'

describe('a database of before entries were known by account and version alone', { skip }, () => {
  let server: DatabaseServer
  let database: Database
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-older-'))
    const older = join(folder, 'cash-flow', 'migrations')
    await mkdir(older, { recursive: true })
    const own = cashFlowMigrations.find(({ pathname }) => pathname.endsWith('/cash-flow/migrations/'))
    assert.ok(own)
    for (const file of await readdir(own)) if (file < SINCE) await cp(new URL(file, own), join(older, file))
    const url = await createBareDatabase()
    server = openPostgres(
      () => url,
      (error) => console.error(error),
    )
    const without = cashFlowMigrations.filter((each) => each !== own)
    database = await server.open('cash-flow', [...without, pathToFileURL(`${older}/`)])
    await database.transaction(async (sql) => {
      await sql.query(`INSERT INTO shard (shard) VALUES (1)`)
      await sql.query(`SELECT open_month(month) FROM unnest('{2026-05-01,2026-06-01}'::date[]) AS month`)
      await sql.query(`
        INSERT INTO transfer (id, kind, debit, credit, currency, amount, reference, maker, created_at)
        VALUES ('trf_a', 'transfer', 'acc_a', 'acc_B', 'CNY', 1, 'rent', 'mem_a', '2026-05-31T23:59:59.999Z')`)
      await sql.query(`
        INSERT INTO entry (account, version, id, transfer, phase, direction, amount, posted, pending, recorded_at, shard)
        SELECT account, version, 'ent_' || account || version, 'trf_a', 'post', 'credit', 1, version, 0,
          '2026-05-31T23:59:59.999Z'::timestamptz + version * interval '1 ms', shard
        FROM generate_series(0, 1) AS shard, unnest('{acc_a,acc_B}'::text[]) AS account, generate_series(1, 3) AS version`)
    })
    assert.ok((await keysOf(database)).every(({ key }) => key?.endsWith('(account, version, shard, recorded_at)')))
    await database.close()
    database = await server.open('cash-flow', cashFlowMigrations)
  })
  after(async () => {
    await server.close()
    await rm(folder, { recursive: true })
  })

  test('has all of its entries, and a month that is made later has its key, too', async () => {
    const entries = await database.transaction(async (sql) => {
      await sql.query(`SELECT open_month('2026-07-01')`)
      return sql.query('SELECT account, version FROM entry WHERE shard = 1 ORDER BY account, version')
    })
    const keys = await keysOf(database)
    assert.deepEqual(
      entries.map(({ account, version }) => `${account} ${version}`),
      ['acc_B 1', 'acc_B 2', 'acc_B 3', 'acc_a 1', 'acc_a 2', 'acc_a 3'],
    )
    assert.deepEqual(
      keys.map(({ name }) => name),
      ['05', '06', '07'].flatMap((month) => [`entry_2026_${month}_0`, `entry_2026_${month}_1`]),
    )
    for (const { key } of keys) assert.match(key ?? '', /^CREATE UNIQUE INDEX .* \(account, version\)$/)
  })

  test('finds an entry by the key of its partition', async () => {
    const plan = await database.transaction(async (sql) => {
      for (const way of ['seqscan', 'bitmapscan']) await sql.query(`SET LOCAL enable_${way} = off`)
      return sql.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN SELECT * FROM entry WHERE shard = 1 AND account = 'acc_a' AND recorded_at < '2026-06-01' ORDER BY version DESC LIMIT 1`,
      )
    })
    const text = plan.map((line) => line['QUERY PLAN']).join('\n')
    assert.match(text, /Index Scan Backward using entry_2026_05_1_by_version/)
    assert.doesNotMatch(text, /entry_2026_05_0|entry_2026_06|Sort/)
  })
})

/** The partitions of `entry`, each with its unique index. */
function keysOf(database: Database) {
  return database.transaction((sql) =>
    sql.query<{ name: string; key: string | null }>(
      `SELECT relid::regclass::text AS name, (
         SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = relid AND indisunique
       ) AS key FROM pg_partition_tree('entry'::regclass) WHERE isleaf ORDER BY 1`,
    ),
  )
}
