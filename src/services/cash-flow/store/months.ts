import { assert } from '../../../kernel/assert.ts'
import { type Instant, toRfc3339 } from '../../../kernel/clock.ts'
import type { Sql } from '../../../platform/database.ts'
import type { JournalRecord } from '../append.ts'
import type { Entry } from '../model.ts'
import { type Month, monthOf } from '../months/month.ts'
import { toEntry } from './entries.ts'
import { rowOf, tellingOf } from './telling.ts'

/** A shard's records of a month: which link they go on from, and which they get to. */
export type Stretch = {
  readonly shard: number
  readonly after: { readonly seq: number; readonly hash: string }
  readonly through: { readonly seq: number; readonly hash: string }
}

export type Export = {
  readonly digest: string
  readonly file: string
  readonly entries: number
  readonly chain: readonly Stretch[]
  readonly actor: string
  readonly at: Instant
}

/** A month as the store has it. `rows` are counted, or estimated where there are many. */
export type KeptMonth = {
  readonly name: string
  readonly rows: number
  readonly exact: boolean
  readonly bytes: number
}

type DetachedMonth = { readonly name: string; readonly digest: string; readonly at: Instant }

const ESTIMATED_FROM_ROWS = 1_000_000

/** The months that have partitions, oldest first. */
export async function listMonths(sql: Sql): Promise<KeptMonth[]> {
  const months = await sql.query<{ name: string; rows: bigint; bytes: bigint }>(
    `SELECT replace(substr(month.relname, 7), '_', '-') AS name, sum(greatest(leaf.reltuples, 0))::bigint AS rows,
       sum(pg_total_relation_size(leaf.oid))::bigint AS bytes
     FROM pg_inherits JOIN pg_class AS month ON month.oid = inhrelid
     CROSS JOIN LATERAL pg_partition_tree(month.oid) AS part JOIN pg_class AS leaf ON leaf.oid = part.relid
     WHERE inhparent = 'entry'::regclass GROUP BY month.relname ORDER BY month.relname`,
  )
  const counted: KeptMonth[] = []
  for (const { name, rows, bytes } of months) {
    const exact = rows < ESTIMATED_FROM_ROWS
    const month = monthOf(name)
    assert(month !== null, `entry_${name} is a month's partition`)
    counted.push({
      name,
      rows: exact ? await countEntries(sql, month, 'attached') : Number(rows),
      exact,
      bytes: Number(bytes),
    })
  }
  return counted
}

export async function listDetached(sql: Sql): Promise<DetachedMonth[]> {
  return sql.query<DetachedMonth>(
    `SELECT to_char(month, 'YYYY-MM') AS name, digest, at FROM detached_month ORDER BY month`,
  )
}

const OF_THESE = 'journal.shard = $1 AND journal.seq = ANY($2::text[]::bigint[])'

/** Where the entries of a month are looked for: among all that can be read, or in the table that is being filled. */
export type Where = 'attached' | 'staged'

function entriesOf({ name, from, to }: Month, where: Where): string {
  if (where === 'staged') return tableOf(name)
  return `(SELECT * FROM entry WHERE recorded_at >= '${toRfc3339(from)}' AND recorded_at < '${toRfc3339(to)}')`
}

function tableOf(name: string): string {
  return `entry_${name.replace('-', '_')}`
}

export async function countEntries(sql: Sql, month: Month, where: Where): Promise<number> {
  const [counted] = await sql.query<{ rows: bigint }>(`SELECT count(*) AS rows FROM ${entriesOf(month, where)} AS live`)
  return Number(counted?.rows)
}

/** How many entries these records tell of, and how many of them do not stand there as they are told. */
export async function compareEntries(
  sql: Sql,
  month: Month,
  where: Where,
  { shard, records }: { readonly shard: number; readonly records: readonly bigint[] },
): Promise<{ readonly told: number; readonly different: number }> {
  const [compared] = await sql.query<{ told: bigint; different: bigint }>(
    `WITH told AS (${tellingOf('entry', OF_THESE)})
     SELECT count(*) AS told,
       count(*) FILTER (WHERE ${rowOf('told', 'entry')} IS DISTINCT FROM ${rowOf('live', 'entry')}) AS different
     FROM told LEFT JOIN ${entriesOf(month, where)} AS live
       ON live.shard = $1 AND live.account = told.account AND live.version = told.version AND live.recorded_at = told.recorded_at`,
    [shard, records.map(String)],
  )
  return { told: Number(compared?.told), different: Number(compared?.different) }
}

/** The exports of the months, the newest of each first. */
export async function listExports(sql: Sql): Promise<(Export & { readonly month: string })[]> {
  const rows = await sql.query<Omit<Export, 'entries'> & { month: string; entries: bigint }>(
    `SELECT to_char(month, 'YYYY-MM') AS month, digest, file, entries, chain, actor, at FROM month_export
     ORDER BY month, at DESC`,
  )
  return rows.map((row) => ({ ...row, entries: Number(row.entries) }))
}

export async function insertExport(sql: Sql, month: Month, made: Export): Promise<void> {
  const { digest, file, entries, chain, actor, at } = made
  await sql.query(
    `INSERT INTO month_export (month, digest, file, entries, chain, actor, at)
     VALUES ($1::date, $2, $3, $4, $5::jsonb, $6, $7) ON CONFLICT DO NOTHING`,
    [dateOf(month), digest, file, entries, JSON.stringify(chain), actor, toRfc3339(at)],
  )
}

/** Which stretch of each chain the month is; none of a shard that wrote nothing in it. */
export async function listStretches(sql: Sql, { from, to }: Month): Promise<Stretch[]> {
  const within = 'journal.shard = shard.shard AND journal.at >= $1 AND journal.at < $2'
  const rows = await sql.query<{ shard: number; first: bigint; previous: string; last: bigint; hash: string }>(
    `SELECT shard.shard, first.seq AS first, first.previous, last.seq AS last, last.hash FROM shard
     CROSS JOIN LATERAL (SELECT seq, previous FROM journal WHERE ${within} ORDER BY at, seq LIMIT 1) AS first
     CROSS JOIN LATERAL (SELECT seq, hash FROM journal WHERE ${within} ORDER BY at DESC, seq DESC LIMIT 1) AS last
     ORDER BY shard.shard`,
    [toRfc3339(from), toRfc3339(to)],
  )
  return rows.map(({ shard, first, previous, last, hash }) => ({
    shard: Number(shard),
    after: { seq: Number(first) - 1, hash: previous },
    through: { seq: Number(last), hash },
  }))
}

/** Records of a shard after a number up to another, as many as have about this many bytes, and at least one. */
export async function listStretch(
  sql: Sql,
  shard: number,
  { after, through }: { readonly after: number; readonly through: number },
  { records, bytes }: { readonly records: number; readonly bytes: number },
): Promise<JournalRecord[]> {
  const rows = await sql.query<JournalRecord & { before: bigint }>(
    `SELECT *, sum(length(body)) OVER (ORDER BY seq) - length(body) AS before FROM (
       SELECT * FROM journal WHERE shard = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4) AS next ORDER BY seq`,
    [shard, after, through, records],
  )
  return rows.filter(({ before }) => Number(before) < bytes).map(({ before: _, ...record }) => record)
}

/** The rows that these records tell of, as they stand in the month's table, each with its record; in the order they were told. */
export async function listToldEntries(
  sql: Sql,
  month: Month,
  shard: number,
  records: readonly bigint[],
): Promise<readonly { readonly seq: bigint; readonly entry: Entry }[]> {
  const rows = await sql.query<{ seq: bigint }>(
    `WITH told AS (${tellingOf('entry', OF_THESE)})
     SELECT told.seq, live.* FROM told JOIN ${entriesOf(month, 'attached')} AS live
       ON live.account = told.account AND live.version = told.version AND live.recorded_at = told.recorded_at
     WHERE live.shard = $1 ORDER BY told.seq, told.nth`,
    [shard, records.map(String)],
  )
  return rows.map((row) => ({ seq: row.seq, entry: toEntry(row) }))
}

/** Takes the month's partitions off and drops them. @throws the store's error when the rows are not as many as exported */
export async function detachMonth(sql: Sql, month: Month, digest: string, actor: string, now: Instant): Promise<void> {
  await sql.query('SELECT detach_month($1::date, $2, $3, $4)', [dateOf(month), digest, actor, toRfc3339(now)])
}

/** Makes an empty table for a detached month; what was put into an earlier one is gone. */
export async function stageMonth(sql: Sql, month: Month): Promise<void> {
  await sql.query('SELECT stage_month($1::date)', [dateOf(month)])
}

/** Puts rows into the staged table: a JSON array of entries as a record has them. */
export async function stageEntries(sql: Sql, { name }: Month, rows: string): Promise<void> {
  const into = tableOf(name)
  await sql.query(
    `INSERT INTO ${into} SELECT * FROM json_populate_recordset(NULL::entry, $1::json) ON CONFLICT DO NOTHING`,
    [rows],
  )
}

export async function attachMonth(sql: Sql, month: Month): Promise<void> {
  await sql.query('SELECT attach_month($1::date)', [dateOf(month)])
}

/** Where the entries of a month are; null when it has none. Counts nothing, so that it may be asked for each page. */
export async function whereIs(sql: Sql, month: Month): Promise<'attached' | 'detached' | null> {
  const [found] = await sql.query<{ attached: boolean; detached: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1) AND relispartition) AS attached,
       EXISTS (SELECT FROM detached_month WHERE month = $2::date) AS detached`,
    [tableOf(month.name), dateOf(month)],
  )
  return found?.attached ? 'attached' : found?.detached ? 'detached' : null
}

/** Whether a table is there that is not attached. */
export async function isStaged(sql: Sql, { name }: Month): Promise<boolean> {
  const rows = await sql.query('SELECT FROM pg_class WHERE oid = to_regclass($1) AND NOT relispartition', [
    tableOf(name),
  ])
  return rows.length > 0
}

function dateOf({ name }: Month): string {
  return `${name}-01`
}
