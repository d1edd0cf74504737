import { assert } from '../../../kernel/assert.ts'
import { toRfc3339 } from '../../../kernel/clock.ts'
import type { SqlValue, Statement } from '../../../platform/database.ts'
import type { Batch, JournalRecord, Presumed } from '../append.ts'
import { type Columns, FACT_TABLES, type FactTable, timeColumn, writtenColumns } from './columns.ts'
import { setFloors } from './credit-lines.ts'

/**
 * All that keeps a batch behind its fence, in its order: the records, the facts, the balances they sum up to, the work that is
 * left and that is done. None of it needs the answer of another, so all of it is sent at once; each text is one of few, and
 * prepared.
 */
export function statementsOfFacts({
  records,
  facts,
  work,
  done,
}: Pick<Batch, 'records' | 'facts' | 'work' | 'done'>): readonly Statement[] {
  const [first] = records
  assert(first !== undefined, 'what is kept stands in a record')
  const at = toRfc3339(first.at) // one batch has one time
  const added = FACT_TABLES.flatMap((table) => {
    const columns = facts.get(table)
    if (columns === undefined) return []
    const values = valuesOf(table, columns)
    return [{ text: INSERTS[table], values: timeColumn(table) === null ? values : [...values, at] }]
  })
  const [lines, balances] = [facts.get('credit_line'), facts.get('balance')]
  return [
    appendRecords(records, at),
    ...(lines === undefined ? [] : [setFloors(lines)]),
    ...added,
    ...(balances === undefined ? [] : [{ text: SET_BALANCES, values: valuesOf('balance', balances) }]),
    ...[...work].map(([table, rows]) => ({ text: insertWork(table), values: [rows] })),
    ...[...done].map(([table, keys]) => ({ text: removeWork(table), values: [keys] })),
  ]
}

/** The fence where the journal is in this database: fails with TAKEN where a shard was taken, or its chain ends elsewhere. */
export function holdShards(records: readonly JournalRecord[]): Statement {
  return {
    text: 'SELECT hold_shards($1::smallint[], $2::bigint[], $3::bigint[])',
    values: [
      records.map(({ shard }) => `${shard}`),
      records.map(({ epoch }) => `${epoch}`),
      records.map(({ seq }) => `${seq - 1n}`),
    ],
  }
}

/** Before anything of the batch is there: fails where one of them was made. */
export function refuseMadeBefore(presumed: readonly Presumed[]): readonly Statement[] {
  if (presumed.length === 0) return []
  return [
    {
      text: 'SELECT refuse_made_before($1::text[], $2::text[], $3::text[])',
      values: [
        presumed.map(({ owner }) => owner),
        presumed.map(({ key }) => key),
        presumed.flatMap(({ transfer }) => transfer ?? []),
      ],
    },
  ]
}

/** Whether that is why a batch was refused, or the key of a transfer that it would have made a second time. */
export function isMadeBefore(error: unknown, presumed: readonly Presumed[]): boolean {
  if (presumed.length === 0 || !(error instanceof Error && 'code' in error)) return false
  return error.code === MADE_BEFORE || (error.code === TAKEN_KEY && 'table' in error && error.table === 'transfer')
}

const MADE_BEFORE = 'TG004'
const TAKEN_KEY = '23505'

/** SQLSTATE of the fence: another writer has the shard. */
export const TAKEN = 'TG001'

/** A body is a value of its own: within an array each of its quotes would be escaped. */
function appendRecords(records: readonly JournalRecord[], at: string): Statement {
  const values: SqlValue[] = [at]
  const rows = records.map(({ shard, epoch, seq, previous, hash, body }) => {
    const from = values.push(shard, epoch, seq, previous, hash, body) - RECORD_COLUMNS.length
    return `(${RECORD_COLUMNS.map((type, index) => `$${from + index + 1}::${type}`).join(', ')})`
  })
  const text = `WITH added AS (
        SELECT * FROM (VALUES ${rows.join(', ')}) AS record (shard, epoch, seq, previous, hash, body)
      ), moved AS (
        UPDATE shard SET epoch = added.epoch, seq = added.seq, hash = added.hash, at = $1::timestamptz FROM added WHERE shard.shard = added.shard
      )
      INSERT INTO journal (shard, seq, epoch, at, previous, hash, body)
      SELECT shard, seq, epoch, $1::timestamptz, previous, hash, body FROM added`
  return { text, values }
}

const RECORD_COLUMNS = ['smallint', 'bigint', 'bigint', 'text', 'text', 'text'] as const

/** Each column as a PostgreSQL array; what has no value is null, which gives as many nulls. */
function valuesOf(table: FactTable | 'balance', { elements }: Columns): readonly (string | null)[] {
  return writtenColumns(table).map(([name]) => {
    const text = elements[name]
    return text === undefined ? null : `{${text}}`
  })
}

/**
 * The rows that the arrays come to. In the list of a SELECT they are taken apart row by row, where the shorter ones go on with
 * nulls; in FROM each column would be put aside as a whole first, which is a tenth of the insert, and of a small batch a quarter.
 */
function rowsOf(table: FactTable | 'balance'): readonly string[] {
  return writtenColumns(table).map(([name, type], index) => `unnest($${index + 1}::${type}[]) AS ${name}`)
}

function insertInto(table: FactTable): string {
  const columns = writtenColumns(table)
  const time = timeColumn(table)
  const names = [...columns.map(([name]) => name), ...(time === null ? [] : [time])]
  const values = [...rowsOf(table), ...(time === null ? [] : [`$${columns.length + 1}::timestamptz`])]
  return `INSERT INTO ${table} (${names.join(', ')}) SELECT ${values.join(', ')}`
}

const INSERTS = Object.fromEntries(FACT_TABLES.map((table) => [table, insertInto(table)])) as Record<FactTable, string>

const CHANGED = writtenColumns('balance').filter(([name]) => name !== 'account')
const SET_BALANCES = `UPDATE balance SET ${CHANGED.map(([name]) => `${name} = after.${name}`).join(', ')}
  FROM (SELECT ${rowsOf('balance').join(', ')}) AS after WHERE balance.account = after.account`

/** Inserts rows whose keys are the table's columns; a column that is left out is null. */
const insertWork = (table: string): string =>
  `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1::json)`

/** The column by which a row leaves its list. */
const KEYS: Readonly<Record<string, string>> = {
  hold_timer: 'hold',
  in_transit: 'withdrawal',
  accepted_command: 'operation',
  crossing: 'transfer',
  decision: 'transfer',
}

const removeWork = (table: string): string => `DELETE FROM ${table} WHERE ${KEYS[table]} = ANY($1::text[])`
