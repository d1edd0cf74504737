import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import type { Row, Sql } from '../../../platform/database.ts'
import type { Spent } from '../limits.ts'
import { readSpent } from './accounts.ts'
import { FACT_TABLES, type FactTable } from './columns.ts'
import { listStrayFloors } from './credit-lines.ts'
import { listDetached } from './months.ts'
import { rowOf, tellingOf } from './telling.ts'

/** A row that is not as the journal tells it. A value is never shown: which columns differ is enough to look it up. */
export type Difference = {
  readonly table: string
  /** The columns of its key, with a space in between. */
  readonly key: string
  readonly is: 'differs' | 'missing' | 'too_many'
  readonly columns: readonly string[]
}

/** What the entries of an account come to. */
export type Sum = { readonly version: bigint; readonly posted: bigint; readonly pending: bigint }

/** The tables that the journal tells of, each with its key and the time that its row has of its batch. */
const TABLES = {
  transfer: { key: ['id'], at: 'live.created_at' },
  entry: { key: ['account', 'version', 'shard', 'recorded_at'], at: 'live.recorded_at' },
  hold_resolution: { key: ['hold'], at: 'live.resolved_at' },
  reversal: {
    key: ['original'],
    at: '(SELECT created_at FROM transfer WHERE transfer.id = live.transfer)',
  },
  withdrawal_end: {
    key: ['withdrawal'],
    at: '(SELECT created_at FROM transfer WHERE transfer.id = live.transfer)',
  },
  credit_line: { key: ['account', 'version'], at: 'live.at' },
  exchange: { key: ['id'], at: 'live.at' },
  arrival: { key: ['transfer'], at: 'live.at' },
  operation: { key: ['id'], at: 'live.created_at' },
  operation_state: { key: ['operation', 'version'], at: 'live.at' },
  answer: { key: ['owner', 'key'], at: 'live.at' },
} as const satisfies Readonly<Record<FactTable, { readonly key: readonly string[]; readonly at: string }>>
export type ToldTable = FactTable
export const TOLD_TABLES = FACT_TABLES

/** What the ledger was at one moment. */
export type Snapshot = {
  readonly heads: readonly { readonly shard: number; readonly seq: bigint; readonly hash: string }[]
  /** When the first record was made; what is older has none. Null: there is none. */
  readonly begun: Instant | null
  /** How many rows there were that a record is to tell of. */
  readonly rows: ReadonlyMap<ToldTable, number>
  readonly balances: ReadonlyMap<string, Sum>
  /** What transfers have taken of each account, where any was counted. */
  readonly spent: ReadonlyMap<string, Spent>
  /** What the entries came to that are older than the journal. */
  readonly openings: ReadonlyMap<string, Sum>
  /** Records beyond the ends of their chains, as `shard seq`. */
  readonly beyond: readonly string[]
  /** Accounts whose floor is not where their newest credit line is. */
  readonly strayFloors: readonly string[]
  /** Months whose entries are not here, as `2026-05`. */
  readonly detached: readonly string[]
}

/** Reads all of it as it was at once, while others write. */
export async function takeSnapshot(sql: Sql): Promise<Snapshot> {
  await sql.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
  const shards = await sql.query<{ shard: number; seq: bigint; hash: string; begun: Instant | null }>(
    `SELECT shard, seq, hash, (SELECT at FROM journal WHERE journal.shard = shard.shard ORDER BY seq LIMIT 1) AS begun
     FROM shard ORDER BY shard`,
  )
  const times = shards.flatMap(({ begun }) => begun ?? [])
  const begun = times.length === 0 ? null : (Math.min(...times) as Instant)
  const since = begun === null ? 'infinity' : toRfc3339(begun)
  const rows = new Map<ToldTable, number>()
  for (const table of TOLD_TABLES) {
    const text = `SELECT count(*) AS rows FROM ${table} AS live WHERE ${TABLES[table].at} >= $1`
    const [counted] = await sql.query<{ rows: bigint }>(text, [since])
    rows.set(table, Number(counted?.rows))
  }
  const older = `SELECT DISTINCT ON (account) account, version, posted, pending FROM entry WHERE recorded_at < $1
                 ORDER BY account, version DESC`
  const beyond = await sql.query<{ key: string }>(
    `SELECT concat_ws(' ', journal.shard, journal.seq) AS key FROM journal JOIN shard USING (shard) WHERE journal.seq > shard.seq`,
  )
  return {
    heads: shards.map(({ shard, seq, hash }) => ({ shard: Number(shard), seq, hash })),
    begun,
    rows,
    balances: sumsOf(await sql.query('SELECT account, version, posted, pending FROM balance')),
    spent: await readSpent(sql),
    openings: sumsOf(await sql.query(older, [since])),
    beyond: beyond.map(({ key }) => key),
    strayFloors: await listStrayFloors(sql),
    detached: (await listDetached(sql)).map(({ name }) => name),
  }
}

const NOT_DETACHED = `date_trunc('month', told.recorded_at AT TIME ZONE 'UTC')::date NOT IN (SELECT month FROM detached_month)`

/** The rows of a table that these records tell otherwise than they are. What is compared is the text of the whole row. */
export async function compareTold(
  sql: Sql,
  table: ToldTable,
  shard: number,
  records: readonly bigint[],
): Promise<readonly Difference[]> {
  const { key } = TABLES[table]
  const rows = await sql.query<{ key: string; missing: boolean; columns: string[] | null }>(
    `WITH told AS (${tellingOf(table, 'journal.shard = $1 AND journal.seq = ANY($2::text[]::bigint[])')})
     SELECT ${keyOf('told', key)} AS key, live.${key[0]} IS NULL AS missing, (
       SELECT array_agg(key) FROM json_each_text(row_to_json(told)) AS a JOIN json_each_text(row_to_json(live)) AS b USING (key)
       WHERE a.value IS DISTINCT FROM b.value
     ) AS columns
     FROM told LEFT JOIN ${table} AS live ON ${same(key)}
     WHERE ${rowOf('told', table)} IS DISTINCT FROM ${rowOf('live', table)}
     ${table === 'entry' ? `AND ${NOT_DETACHED}` : ''}`,
    [shard, records.map(String)],
  )
  return rows.map(({ key: which, missing, columns }) => {
    return { table, key: which, is: missing ? 'missing' : 'differs', columns: columns ?? [] }
  })
}

/** The rows of a table that no record tells of, but for these, as `shard seq`. Reads the whole journal. */
export async function listUntold(
  sql: Sql,
  table: ToldTable,
  { begun, but, limit }: { readonly begun: Instant; readonly but: readonly string[]; readonly limit: number },
): Promise<readonly Difference[]> {
  const { key, at } = TABLES[table]
  const rows = await sql.query<{ key: string }>(
    `WITH told AS MATERIALIZED (${tellingOf(table, "concat_ws(' ', journal.shard, journal.seq) <> ALL($1::text[])")})
     SELECT ${keyOf('live', key)} AS key FROM ${table} AS live LEFT JOIN told ON ${same(key)}
     WHERE told.${key[0]} IS NULL AND ${at} >= $2 ORDER BY 1 LIMIT $3`,
    [but, toRfc3339(begun), limit],
  )
  return rows.map(({ key: which }) => ({ table, key: which, is: 'too_many', columns: [] }))
}

function keyOf(row: string, key: readonly string[]): string {
  const shown = key.filter((column) => column !== 'shard' && column !== 'recorded_at') // these find the partition
  return `concat_ws(' ', ${shown.map((column) => `${row}.${column}`).join(', ')})`
}

function same(key: readonly string[]): string {
  return key.map((column) => `live.${column} = told.${column}`).join(' AND ')
}

function sumsOf(rows: readonly Row[]): ReadonlyMap<string, Sum> {
  return new Map(
    rows.map(({ account, version, posted, pending }) => [
      account as string,
      { version: version as bigint, posted: posted as bigint, pending: pending as bigint },
    ]),
  )
}
