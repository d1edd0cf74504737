/** A row of a table as a record of the journal has it. */
export type ToldRow = Readonly<Record<string, unknown>>

/** Rows by columns, each the elements of a PostgreSQL array; or, in older records, row by row. */
type ToldRows = readonly ToldRow[] | (Readonly<Record<string, string>> & { readonly rows: number })

/** What a record of the journal tells of, by table. @throws SyntaxError when its body is not JSON */
export class RecordBody {
  readonly #tables: Readonly<Record<string, ToldRows>>

  constructor(body: string) {
    this.#tables = JSON.parse(body) as Readonly<Record<string, ToldRows>>
  }

  /** How many rows of a table there are. */
  count(table: string): number {
    const told = this.#tables[table] ?? []
    return isByRow(told) ? told.length : told.rows
  }

  /** The rows of a table. Those by column have all values as text, and not what the record has for all of them: `common`. */
  rows(table: string, common: ToldRow = {}): readonly ToldRow[] {
    const told = this.#tables[table] ?? []
    if (isByRow(told)) return told
    const { rows: count, ...columns } = told
    const values = Object.entries(columns).map(([name, elements]) => [name, valuesIn(elements)] as const)
    return Array.from({ length: count }, (_, nth) => ({
      ...Object.fromEntries(values.map(([name, column]) => [name, column[nth] ?? null])),
      ...common,
    }))
  }
}

function isByRow(told: ToldRows): told is readonly ToldRow[] {
  return Array.isArray(told)
}

/** One element, quoted or not. */
const ELEMENT = /"((?:[^"\\]|\\.)*)"|([^,]+)/gs

/** What stands in an array as it is; all else is quoted. */
const PLAIN = /^(?!null$)[\w.:+-]+$/i

/** A value as an element of a PostgreSQL array. */
export function elementOf(value: string): string {
  return PLAIN.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`
}

/** The values of a column, null where it has none. */
function valuesIn(elements: string): readonly (string | null)[] {
  return [...elements.matchAll(ELEMENT)].map(([, quoted, plain]) =>
    quoted !== undefined ? quoted.replace(/\\(.)/gs, '$1') : plain === 'NULL' ? null : (plain ?? null),
  )
}
