import { elementOf } from '../../../kernel/record-body.ts'

type ColumnType = 'text' | 'bigint' | 'smallint' | 'boolean' | 'timestamptz' | 'json' | 'at'

/**
 * The tables that the journal tells of, with all of their columns. A column of the type `at` has the time of the batch, which the
 * record has for all of its rows.
 */
export const COLUMNS = {
  transfer: {
    ...{ id: 'text', kind: 'text', debit: 'text', credit: 'text', currency: 'text', amount: 'bigint' },
    ...{ reference: 'text', maker: 'text', operation: 'text', assessment: 'text', receipt: 'text' },
    ...{ held_by: 'text', expires_at: 'timestamptz', reverses: 'text', created_at: 'at' },
    ...{ key: 'text', request_digest: 'text', part_of: 'text', legs: 'smallint', effective_at: 'timestamptz' },
    ...{ fee: 'bigint', fee_product: 'text', fee_version: 'bigint', product_version: 'bigint' },
  },
  entry: {
    ...{ account: 'text', version: 'bigint', id: 'text', transfer: 'text', phase: 'text', direction: 'text' },
    ...{ amount: 'bigint', posted: 'bigint', pending: 'bigint', recorded_at: 'at', shard: 'smallint' },
    effective_at: 'timestamptz',
  },
  hold_resolution: { hold: 'text', outcome: 'text', captured: 'bigint', resolved_by: 'text', resolved_at: 'at' },
  reversal: { original: 'text', transfer: 'text' },
  withdrawal_end: { withdrawal: 'text', transfer: 'text', outcome: 'text' },
  arrival: { transfer: 'text', at: 'at' },
  credit_line: {
    ...{ account: 'text', version: 'bigint', amount: 'bigint', reason: 'text', set_by: 'text' },
    ...{ after_version: 'bigint', at: 'at' },
  },
  exchange: {
    ...{ id: 'text', paid: 'text', received: 'text', rounding: 'text', rate: 'text', rate_version: 'bigint', at: 'at' },
  },
  operation: { id: 'text', owner: 'text', key: 'text', member: 'text', transfer: 'text', created_at: 'at' },
  operation_state: { operation: 'text', version: 'bigint', state: 'text', reason: 'text', at: 'at' },
  answer: { owner: 'text', key: 'text', request_digest: 'text', answer: 'json', at: 'at' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, ColumnType>>>>

export type FactTable = keyof typeof COLUMNS
export const FACT_TABLES = Object.keys(COLUMNS) as readonly FactTable[]

/** Balances after the batch: told by the journal, and changed where facts are added. */
const BALANCE_COLUMNS = {
  ...{ account: 'text', version: 'bigint', posted: 'bigint', pending: 'bigint' },
  ...{ day_from: 'timestamptz', day_spent: 'bigint', month_from: 'timestamptz', month_spent: 'bigint' },
} as const satisfies Readonly<Record<string, ColumnType>>

/** The columns of a table that are written with each row, and their types. */
export function writtenColumns(table: FactTable | 'balance'): readonly (readonly [name: string, type: string])[] {
  const columns: Readonly<Record<string, ColumnType>> = table === 'balance' ? BALANCE_COLUMNS : COLUMNS[table]
  return Object.entries(columns).filter(([, type]) => type !== 'at')
}

/** The column that has the time of the batch; null where there is none. */
export function timeColumn(table: FactTable): string | null {
  return Object.entries<ColumnType>(COLUMNS[table]).find(([, type]) => type === 'at')?.[0] ?? null
}

/** Rows of one table by columns: each the elements of a PostgreSQL array as text; a column without any value is left out. */
export type Columns = { readonly rows: number; readonly elements: Readonly<Record<string, string>> }

type Value = string | number | bigint | boolean | null | object

type ColumnsIn<Table> = Table extends FactTable ? (typeof COLUMNS)[Table] : typeof BALANCE_COLUMNS
/** A column that is written with each row. */
type Written<Table> = {
  [Name in keyof ColumnsIn<Table>]: ColumnsIn<Table>[Name] extends 'at' ? never : Name
}[keyof ColumnsIn<Table>]

/** What each column of a table has of a row: no row is made in between, only to be taken apart. */
export type Readings<Table extends FactTable | 'balance', Row> = {
  readonly [Name in Written<Table>]: (row: Row) => Value
}

export function columnsOf<Row>(rows: readonly Row[], readings: Readonly<Record<string, (row: Row) => Value>>): Columns {
  const elements: Record<string, string> = {}
  for (const [name, read] of Object.entries(readings)) {
    const text = elementsOf(rows, read)
    if (text !== null) elements[name] = text
  }
  return { rows: rows.length, elements }
}

/** Of many columns each row has the same value: its text is made once. Null: none has any. */
function elementsOf<Row>(rows: readonly Row[], read: (row: Row) => Value): string | null {
  let last: Value = null
  let element = NULL
  let empty = true
  const elements = rows.map((row) => {
    const value = read(row)
    if (value !== last) {
      last = value
      element = textOf(value)
      empty = false
    }
    return element
  })
  return empty ? null : elements.join(',')
}

const NULL = 'NULL'

function textOf(value: Value): string {
  if (value === null) return NULL
  if (typeof value === 'string') return elementOf(value)
  return typeof value === 'object' ? elementOf(JSON.stringify(value)) : String(value)
}

/** The same columns of several shards, one behind the other. */
export function together(parts: readonly Columns[]): Columns {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  const names = new Set(parts.flatMap(({ elements }) => Object.keys(elements)))
  const elements = [...names].map((name) => [name, parts.map((part) => elementsIn(part, name)).join(',')] as const)
  return { rows: parts.reduce((sum, { rows }) => sum + rows, 0), elements: Object.fromEntries(elements) }
}

function elementsIn({ rows, elements }: Columns, name: string): string {
  return elements[name] ?? Array(rows).fill('NULL').join(',')
}
