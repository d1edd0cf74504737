import { messages, type PGlite, protocol } from '@electric-sql/pglite'
import { assert } from '../kernel/assert.ts'
import type { Row, Sql, SqlValue, Statement } from './database.ts'

/** How long the plan of a statement is used, in ms: what was best for a table that was small is bad for one that has grown. */
const PLAN_MS_MAX = 10_000
/** Statements that are kept prepared, of one service; the one that was not used for longest makes room. */
const PREPARED_MAX = 250

/** What one service sends to the one session of a PGlite, statements prepared: taking a text apart is most of what it costs. */
export type PgliteSession = Sql & {
  /** Statements without values, in one piece. @returns what the last one did, as PostgreSQL calls it: `COMMIT` */
  execute(text: string): string
  /** Runs statements one after the other, all of them sent in one piece. @returns the rows of each */
  queryAll(statements: readonly Statement[]): readonly Row[][]
}

type Field = { readonly name: string; readonly decode: ((text: string) => unknown) | undefined }
type Prepared = {
  readonly name: string
  readonly encoders: readonly (((value: SqlValue) => string) | undefined)[]
  readonly fields: readonly Field[]
  /** When it is prepared anew, in ms of the process. */
  readonly until: number
}

type Message = messages.BackendMessage

const { serialize } = protocol

export function openPgliteSession(pglite: PGlite, service: string): PgliteSession {
  const prepared = new Map<string, Prepared>()
  let count = 0

  /** All of it is answered when the call returns; the library's other ways keep, or take apart, each answer once more. */
  const send = (...pieces: Uint8Array[]): readonly Message[] => {
    if (pglite.closed) throw new Error('PGlite is closed')
    const answer: Uint8Array[] = []
    const onRawData = (chunk: Uint8Array) => void answer.push(chunk.slice())
    pglite.execProtocolRawStream(Buffer.concat(pieces), { syncToFs: false, onRawData }).catch(() => {}) // seen below
    const received: Message[] = []
    new protocol.Parser().parse(Buffer.concat(answer), (message) => received.push(message))
    const error = received.find((message) => message instanceof messages.DatabaseError)
    if (error !== undefined) throw error
    if (received.at(-1)?.name !== 'readyForQuery') throw new Error('PGlite has not answered')
    return received
  }

  const forget = (text: string): void => {
    const known = prepared.get(text)
    if (known === undefined) return
    prepared.delete(text)
    send(serialize.close({ type: 'S', name: known.name }), serialize.sync())
  }

  /** The types of what a statement takes and gives are asked for once. */
  const prepare = (text: string): Prepared => {
    const known = prepared.get(text)
    if (known !== undefined && known.until > performance.now()) {
      prepared.delete(text)
      prepared.set(text, known)
      return known
    }
    forget(text)
    count += 1
    const name = `${service} ${count}`
    const described = send(serialize.parse({ name, text }), serialize.describe({ type: 'S', name }), serialize.sync())
    const encoders: Prepared['encoders'][number][] = []
    const fields: Field[] = []
    for (const message of described) {
      if (message instanceof messages.ParameterDescriptionMessage) {
        encoders.push(...message.dataTypeIDs.map((type) => pglite.serializers[type]))
      }
      if (message instanceof messages.RowDescriptionMessage) {
        fields.push(...message.fields.map(({ name, dataTypeID }) => ({ name, decode: pglite.parsers[dataTypeID] })))
      }
    }
    const made = { name, encoders, fields, until: performance.now() + PLAN_MS_MAX }
    prepared.set(text, made)
    const [oldest] = prepared.size > PREPARED_MAX ? prepared.keys() : []
    if (oldest !== undefined) forget(oldest)
    return made
  }

  const queryAll = (statements: readonly Statement[]): Row[][] => {
    try {
      const all = statements.map(({ text, values }) => ({ ...prepare(text), values }))
      const pieces = all.flatMap(({ name, encoders, values }) => [
        serialize.bind({ statement: name, values: values.map((value, at) => encoded(value, encoders[at])) }),
        serialize.execute({}),
      ])
      return rowsOf(send(...pieces, serialize.sync()), all)
    } catch (error) {
      for (const { text } of statements) forget(text) // whatever was wrong with it, it is prepared anew
      throw error
    }
  }

  return {
    execute(text) {
      const last = send(serialize.query(text)).findLast((message) => message instanceof messages.CommandCompleteMessage)
      return last?.text ?? ''
    },
    queryAll,
    async query<R extends Row>(text: string, values: readonly SqlValue[] = []) {
      const [rows] = queryAll([{ text, values }])
      return rows as R[]
    },
  }
}

function encoded(value: SqlValue, encode: ((value: SqlValue) => string) | undefined): string | null {
  if (value === null) return null
  return encode === undefined ? String(value) : encode(value)
}

/** The rows that came, by statement: each ends with what it did. */
function rowsOf(received: readonly Message[], statements: readonly Prepared[]): Row[][] {
  const all: Row[][] = []
  let rows: Row[] = []
  for (const message of received) {
    if (message instanceof messages.DataRowMessage) {
      const fields = statements[all.length]?.fields ?? []
      const row: Row = {}
      for (const [at, { name, decode }] of fields.entries()) {
        const text = message.fields[at] ?? null
        row[name] = text === null || decode === undefined ? text : decode(text)
      }
      rows.push(row)
    }
    if (message instanceof messages.CommandCompleteMessage || message.name === 'emptyQuery') {
      all.push(rows)
      rows = []
    }
  }
  assert(all.length === statements.length, 'each statement is answered')
  return all
}
