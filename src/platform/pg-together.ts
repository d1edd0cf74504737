import pg from 'pg'
import { assert } from '../kernel/assert.ts'
import { sha256 } from '../kernel/canonical-json.ts'
import type { Row, SqlValue, Statement } from './database.ts'

type Column = { readonly name: string; readonly decode: (text: string) => unknown }
type Field = { readonly name: string; readonly dataTypeID: number }
type Settle = (error: Error | null, rows?: readonly Row[][]) => void

/** Statements that a connection has prepared, by their text, and the columns of what each answers with. */
const prepared = new WeakMap<pg.Connection, Map<string, readonly Column[]>>()

/** What prepared statements are called: their texts are known to a connection by their digests. Texts are few. */
const names = new Map<string, string>()

/**
 * Runs statements one after the other, sent and answered in one piece: the server is told once, behind the last of them, to
 * answer (PostgreSQL's protocol, "Pipelining"); for each statement by itself that is a system call on its side, and a moment in
 * which it wakes us. The first that fails is the last one that is run; a transaction is left open by it.
 * @returns the rows of each. @throws DatabaseError, `CommitFailed` for COMMIT's own, or the error of a connection that broke
 */
export function runTogether(client: pg.PoolClient, statements: readonly Statement[]): Promise<Row[][]> {
  return new Promise((done, fail) => {
    client.query(
      new Together(client, statements, (error, rows = []) => {
        if (error === null) done([...rows])
        else fail(error)
      }),
    )
  })
}

/**
 * All before COMMIT was carried out, and COMMIT was not confirmed but refused: where PostgreSQL's log could not be written, it may
 * be found to be there when the server starts again.
 */
export class CommitFailed extends Error {}

/** The library takes queries of other classes for cursors, which can't share a connection that others have sent on. */
class Together extends pg.Query {
  /** In their order, COMMIT among them. */
  readonly statements: readonly Statement[]
  readonly #connection: pg.Connection
  readonly #decoderOf: pg.PoolClient['getTypeParser']
  readonly #rows: Row[][] = []
  #columns: readonly Column[] | null = null
  /** Our own mistake with an answer. */
  #mistake: Error | null = null
  #current: Row[] = []
  /** The library replaces it by one that ends a time limit as well. */
  declare callback: Settle

  constructor(client: pg.PoolClient, statements: readonly Statement[], settle: Settle) {
    super({ text: '' }, settle as () => void)
    this.statements = statements
    this.#connection = client.connection
    this.#decoderOf = (type, format) => client.getTypeParser(type, format)
  }

  override submit = (connection: pg.Connection): void => {
    const known = knownTo(connection)
    const bound = this.statements.map(({ text, values }) => ({ text, values: values.map(encoded) }))
    connection.stream.cork()
    for (const { text, values } of bound) {
      const [name, isNew] = [nameOf(text), !known.has(text)]
      if (isNew) {
        connection.close({ type: 'S', name }, true) // where it failed before it may be there; if not, that is no error
        connection.parse({ name, text, types: [] }, true)
      }
      connection.bind({ statement: name, values }, true)
      if (isNew) connection.describe({ type: 'P' }, true)
      connection.execute(null, true)
    }
    connection.sync()
    connection.stream.uncork()
  }

  handleRowDescription({ fields }: { readonly fields: readonly Field[] }): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({ name, decode: this.#decoderOf(dataTypeID, 'text') }))
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    this.#columns ??= knownTo(this.#connection).get(this.statements[this.#rows.length]?.text ?? '') ?? []
    const row: Row = {}
    try {
      assert(this.#columns.length === fields.length, 'a row has the columns that were told of')
      for (const [at, { name, decode }] of this.#columns.entries()) {
        const text = fields[at] ?? null
        row[name] = text === null ? null : decode(text)
      }
    } catch (error) {
      this.#mistake ??= error instanceof Error ? error : new Error(String(error)) // thrown here it would end the process
    }
    this.#current.push(row)
  }

  handleCommandComplete(): void {
    const text = this.statements[this.#rows.length]?.text ?? ''
    const known = knownTo(this.#connection)
    if (!known.has(text)) known.set(text, this.#columns ?? [])
    this.#rows.push(this.#current)
    this.#current = []
    this.#columns = null
  }

  handleReadyForQuery(): void {
    const isWhole = this.#rows.length === this.statements.length
    const mistake = this.#mistake ?? (isWhole ? null : new Error('a statement was not answered'))
    this.callback(mistake, this.#rows)
  }

  handleError(error: Error): void {
    const { length } = this.#rows
    const isCommitLast = this.statements.at(-1)?.text === 'COMMIT'
    // What was committed is, though the server says next that it shuts down.
    if (isCommitLast && length === this.statements.length && this.#mistake === null) {
      this.callback(null, this.#rows)
      return
    }
    for (const { text } of this.statements) knownTo(this.#connection).delete(text) // whatever is wrong, they are prepared anew
    const isOfCommit = isCommitLast && length === this.statements.length - 1 && error instanceof pg.DatabaseError
    this.callback(isOfCommit ? new CommitFailed('COMMIT was refused', { cause: error }) : error)
  }
}

function knownTo(connection: pg.Connection): Map<string, readonly Column[]> {
  let known = prepared.get(connection)
  if (known === undefined) {
    known = new Map()
    prepared.set(connection, known)
  }
  return known
}

function nameOf(text: string): string {
  let name = names.get(text)
  if (name === undefined) {
    name = sha256(text).slice(0, 32)
    names.set(text, name)
  }
  return name
}

/** As the protocol has values: bytes as they are, all else as text. */
function encoded(value: SqlValue): Buffer | string | null {
  if (value === null || typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (typeof value === 'object') return `{${value.map(elementOf).join(',')}}`
  return String(value)
}

function elementOf(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}
