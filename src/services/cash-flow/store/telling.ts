import { COLUMNS, type FactTable, timeColumn, writtenColumns } from './columns.ts'

/**
 * The rows of a table as records have them, by the same reading as when they were inserted, each with the number of its record
 * and its place in it: by columns, or, in older records, as a JSON array of rows. `where` chooses the records of `journal`.
 */
export function tellingOf(table: FactTable, where: string): string {
  const [columns, time] = [writtenColumns(table), timeColumn(table)]
  const names = columns.map(([name]) => name)
  const body = `body::json -> '${table}'`
  const told = (form: string) => `CASE json_typeof(${body}) WHEN '${form}' THEN ${body} END`
  const select = (nth: string, at: string) =>
    `SELECT journal.seq, ${nth} AS nth, ${names.map((name) => `added.${name}`).join(', ')}${time === null ? '' : `, ${at} AS ${time}`}`
  return `${select('added.nth', 'journal.at')} FROM journal,
      json_to_record(${told('object')}) AS by_column (${names.map((name) => `${name} text`).join(', ')}),
      unnest(${columns.map(([name, type]) => `('{' || by_column.${name} || '}')::${type}[]`).join(', ')})
        WITH ORDINALITY AS added (${names.join(', ')}, nth)
    WHERE ${where}
    UNION ALL ${select('added.ordinality', `added.${time}`)} FROM journal,
      json_populate_recordset(NULL::${table}, ${told('array')}) WITH ORDINALITY AS added
    WHERE ${where}`
}

/** All columns that the journal tells of, as one text. */
export function rowOf(row: string, table: FactTable): string {
  const names = Object.keys(COLUMNS[table])
  return `ROW(${names.map((name) => `${row}.${name}`).join(', ')})::text`
}
