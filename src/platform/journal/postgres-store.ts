import pg from 'pg'
import { inTransaction } from '../pg-transaction.ts'
import { type JournalRecord, type Place, placeOf, START } from './record.ts'
import { type Append, type Appended, type JournalStore, missingOf, type Prepared } from './store.ts'
import { type StoreId, votersOf } from './voters.ts'

export type PostgresStore = JournalStore & { close(): Promise<void> }

const CONNECTIONS_MAX = 2
const CONNECT_TIMEOUT_MS = 2_000
const STATEMENT_TIMEOUT_MS = 5_000
/** A leader that is stopped in the middle of a transaction holds up the next one for no longer. */
const IDLE_IN_TRANSACTION_MS = 1_500
const READ_RECORDS_MAX = 1_000

/** `store` has one row. Its end is kept beside the promise, so that the usual append is one statement. */
const TABLES = `
  CREATE TABLE IF NOT EXISTS store (one boolean PRIMARY KEY DEFAULT true CHECK (one), id text NOT NULL, promised bigint NOT NULL,
    seq bigint NOT NULL, epoch bigint NOT NULL, hash text NOT NULL);
  CREATE TABLE IF NOT EXISTS record (seq bigint PRIMARY KEY, epoch bigint NOT NULL, kind text NOT NULL, previous text NOT NULL,
    hash text NOT NULL, body text NOT NULL);
  CREATE INDEX IF NOT EXISTS record_voters ON record (seq) WHERE kind = 'voters';`

const COLUMNS = 'seq, epoch, kind, previous, hash, body'
const TYPES = ['bigint', 'bigint', 'text', 'text', 'text', 'text']

/** Numbers of records are small enough to be numbers. */
export const TYPE_PARSERS = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
}

/** Records as a table, of six parameters from this number on. */
const rowsFrom = (parameter: number): string =>
  `unnest(${TYPES.map((type, index) => `$${parameter + index}::${type}[]`).join(', ')})`

/** What is committed is on the disk before that is answered. Both may be changed while the server runs. */
const DURABLE = `current_setting('fsync')::boolean AND current_setting('synchronous_commit') <> 'off'`

/**
 * What nearly every append is: the records go behind the end. Another leader's promise, another end or a server that does not wait
 * for its disk leaves all as it was.
 */
const APPEND_AT_END = `
  WITH held AS (UPDATE store SET promised = $1, seq = $3, epoch = $4, hash = $5
      WHERE promised <= $1 AND hash = $2 AND ${DURABLE} RETURNING id),
    added AS (INSERT INTO record (${COLUMNS}) SELECT added.* FROM held, ${rowsFrom(6)} AS added)
  SELECT id FROM held`

/** So many records behind a number, so many bytes of them: one row without a record where there is none. */
export const READ = `
  SELECT store.id AS store, found.* FROM store LEFT JOIN (
    SELECT ${COLUMNS} FROM (
      SELECT *, sum(octet_length(body)) OVER (ORDER BY seq) AS bytes FROM (
        SELECT * FROM record WHERE seq > $1 ORDER BY seq LIMIT ${READ_RECORDS_MAX}) AS next) AS counted
    WHERE bytes <= $2 OR seq = $1::bigint + 1) AS found ON true ORDER BY seq`

/** Behind the records that are there without a promise, it is another store from then on. */
const BEGIN = `
  INSERT INTO store (id, promised, seq, epoch, hash) SELECT $1, epoch, seq, epoch, hash FROM (
    SELECT seq, epoch, hash FROM record UNION ALL SELECT $2::bigint, $3::bigint, $4::text) AS ends ORDER BY seq DESC LIMIT 1
  ON CONFLICT DO NOTHING`

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: the tables are not there. */
const UNDEFINED_TABLE = '42P01'

type StoreRow = { readonly id: StoreId; readonly promised: number; readonly durable: boolean } & Place

/**
 * A journal in two tables of a PostgreSQL database. The promise is looked at in the transaction that appends, so that no
 * leader of an older epoch adds anything after a newer one was promised to. A server that may answer before a commit is on its
 * disk is refused. One that can't be reached is tried again at the next call.
 */
export function createPostgresStore(options: {
  readonly url: string
  /** Has the tables, and nothing else; it is made if it is not there. */
  readonly schema: string
  readonly newId: () => StoreId
  readonly onError: (error: Error) => void
}): PostgresStore {
  const { url, schema, newId, onError } = options
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    application_name: 'tidegate journal',
    verify: (client, done) => {
      refuseOther(client, schema).then(() => done(), done)
    },
    options: `-c search_path=${schema} -c synchronous_commit=on`,
    types: TYPE_PARSERS,
  })
  pool.on('error', onError)
  pool.on('connect', (client) => client.on('error', () => {})) // whoever waits for it is told by its query
  let opening: Promise<void> | null = null

  function opened(): Promise<void> {
    opening ??= open().catch((error: unknown) => {
      opening = null
      throw error
    })
    return opening
  }

  async function open(): Promise<void> {
    await transaction(async (client) => {
      await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [schema])
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${pg.escapeIdentifier(schema)}`)
      await client.query(TABLES)
      await client.query(BEGIN, [newId(), START.seq, START.epoch, START.hash])
    })
  }

  /** A schema that was dropped is made again, as another store, at the call after the one that misses it. */
  async function within<T>(work: () => Promise<T>): Promise<T> {
    await opened()
    try {
      return await work()
    } catch (error) {
      if (error instanceof NoPromise || (error instanceof pg.DatabaseError && error.code === UNDEFINED_TABLE))
        opening = null
      throw error
    }
  }

  const transaction = <T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> => inTransaction(pool, 'BEGIN', work)

  async function appendAtEnd({ epoch, after, records }: Append): Promise<StoreId | null> {
    const end = records.at(-1)
    if (end === undefined) return null
    const { rows } = await pool.query<{ id: StoreId }>(APPEND_AT_END, [
      ...[epoch, after.hash, end.seq, end.epoch, end.hash],
      ...columnsOf(records),
    ])
    return rows[0]?.id ?? null
  }

  return {
    prepare: (epoch) => within(() => transaction((client) => prepareIn(client, epoch))),
    append: (request) =>
      within(async () => {
        const id = await appendAtEnd(request)
        return id === null ? transaction((client) => appendAnywhere(client, request)) : { kind: 'stored', store: id }
      }),
    read: (after, bytesMax) =>
      within(async () => {
        const { rows } = await pool.query<JournalRecord & { readonly store: StoreId }>(READ, [after, bytesMax])
        const [first] = rows
        if (first === undefined) throw new NoPromise()
        const records = first.seq === null ? [] : rows.map(({ store: _, ...record }) => record)
        return { store: first.store, records }
      }),
    close: () => pool.end(),
  }
}

class NoPromise extends Error {
  constructor() {
    super('the journal of this database has lost its promise')
  }
}

/**
 * A connection that was not made as it was asked for, by a pooler or by `options` in the URL, would write somewhere else or not wait
 * for the disk.
 */
async function refuseOther(client: pg.PoolClient, schema: string): Promise<void> {
  const { rows } = await client.query<{ path: string; fsync: string; synchronous: string }>(
    `SELECT current_setting('search_path') AS path, current_setting('fsync') AS fsync,
      current_setting('synchronous_commit') AS synchronous`,
  )
  const [{ path, fsync, synchronous } = { path: '', fsync: '', synchronous: '' }] = rows
  if (path !== schema)
    throw new Error(`the connection has the search_path ${path}, not ${schema}: a pooler, or options in its URL`)
  if (fsync !== 'on' || synchronous === 'off') throw new NotDurable()
}

class NotDurable extends Error {
  constructor() {
    super('a PostgreSQL server with fsync or synchronous_commit off keeps no journal')
  }
}

async function prepareIn(client: pg.PoolClient, epoch: number): Promise<Prepared> {
  const store = await lockStore(client)
  if (epoch <= store.promised) return { kind: 'fenced', promised: store.promised }
  await client.query('UPDATE store SET promised = $1', [epoch])
  const { rows } = await client.query<JournalRecord>(
    `SELECT ${COLUMNS} FROM record WHERE kind = 'voters' ORDER BY seq DESC LIMIT 1`,
  )
  const voters = rows[0] === undefined ? null : votersOf(rows[0])
  return { kind: 'granted', store: store.id, end: placeOf(store), voters }
}

/** Until the transaction ends nobody else promises or appends here. */
async function lockStore(client: pg.PoolClient): Promise<StoreRow> {
  const { rows } = await client.query<StoreRow>(
    `SELECT id, promised, seq, epoch, hash, ${DURABLE} AS durable FROM store FOR UPDATE`,
  )
  if (rows[0] === undefined) throw new NoPromise()
  if (!rows[0].durable) throw new NotDurable()
  return rows[0]
}

async function appendAnywhere(client: pg.PoolClient, request: Append): Promise<Appended> {
  const store = await lockStore(client)
  const { epoch } = request
  if (epoch < store.promised) return { kind: 'fenced', promised: store.promised }
  await client.query('UPDATE store SET promised = $1', [epoch])
  const missing = await missingOf({ end: store, hashAt: (seq) => hashAt(client, seq) }, request)
  if (missing === null) return { kind: 'apart', store: store.id, end: store.seq }
  const end = missing.add.at(-1)
  if (end !== undefined) {
    await client.query('DELETE FROM record WHERE seq > $1', [missing.keep])
    await client.query(`INSERT INTO record (${COLUMNS}) SELECT * FROM ${rowsFrom(1)}`, [...columnsOf(missing.add)])
    await client.query('UPDATE store SET seq = $1, epoch = $2, hash = $3', [end.seq, end.epoch, end.hash])
  }
  return { kind: 'stored', store: store.id }
}

async function hashAt(client: pg.PoolClient, seq: number): Promise<string> {
  if (seq === 0) return START.hash
  const { rows } = await client.query<{ hash: string }>('SELECT hash FROM record WHERE seq = $1', [seq])
  if (rows[0] === undefined) throw new Error(`record ${seq} of the journal is gone`)
  return rows[0].hash
}

function columnsOf(records: readonly JournalRecord[]): readonly (readonly (string | number)[])[] {
  const column = (name: keyof JournalRecord) => records.map((record) => record[name])
  return [column('seq'), column('epoch'), column('kind'), column('previous'), column('hash'), column('body')]
}
