import pg from 'pg'
import type { Inspected } from './inspection.ts'
import { READ, TYPE_PARSERS } from './postgres-store.ts'
import { followsOn, type JournalRecord, type Place, placeOf, START } from './record.ts'
import { VotersOf } from './store.ts'
import { type StoreId, votersOf } from './voters.ts'

export type DatabasePlace = { readonly url: string; readonly schema: string }

const CONNECT_TIMEOUT_MS = 5_000
const STATEMENT_TIMEOUT_MS = 60_000
const PAGE_BYTES = 4 * 1024 * 1024

/** A connection of its own to a database that keeps a journal, or is to keep one. */
export async function connectTo({ url, schema }: DatabasePlace): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
    application_name: 'tidegate journal',
    options: `-c search_path=${schema} -c synchronous_commit=on`,
    types: TYPE_PARSERS,
  })
  client.on('error', () => {}) // whoever waits for it is told by its query
  await client.connect()
  return client
}

/** Whether the schema has the tables of a journal, or one of them. */
export async function hasJournal(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(
    `SELECT coalesce(to_regclass('store'), to_regclass('record')) IS NOT NULL AS there`,
  )
  return rows[0]?.there ?? false
}

/** Reads all of a store in a database and changes nothing; a leader may be at work on it. @throws Error where none is kept */
export async function inspectDatabase(place: DatabasePlace): Promise<Inspected> {
  const hashes: string[] = []
  const voters = new VotersOf()
  const { id, promised, said, end } = await reading(place, async (client) => {
    if (!(await hasJournal(client))) throw new Error(`the schema ${place.schema} keeps no journal`)
    const { rows } = await client.query<{ id: StoreId; promised: number } & Place>('SELECT * FROM store')
    const whole = await walk(client, Number.POSITIVE_INFINITY, (record) => {
      hashes.push(record.hash)
      voters.add(record.seq, votersOf(record))
    })
    return { id: rows[0]?.id ?? null, promised: rows[0]?.promised ?? 0, said: rows[0] ?? START, end: whole }
  })
  return {
    show: async (onRecord) => void (await reading(place, (client) => walk(client, end.seq, onRecord))),
    ...{ name: id, promised, end, voters: voters.newest(), hashes },
    fault: said.hash === end.hash ? 'nothing' : 'lost',
  }
}

/** As it is at one moment, whatever a leader appends meanwhile. */
async function reading<T>(place: DatabasePlace, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connectTo(place)
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    return await work(client)
  } finally {
    await client.end()
  }
}

/** @returns where the records cease to follow on each other, or `last` */
async function walk(client: pg.Client, last: number, onRecord: (record: JournalRecord) => void): Promise<Place> {
  let end: Place = START
  for (;;) {
    const { rows } = await client.query<JournalRecord>(READ, [end.seq, PAGE_BYTES])
    const records = rows.filter(({ seq }) => seq !== null)
    for (const record of records) {
      if (record.seq > last || !followsOn(end, [record])) return end
      onRecord(record)
      end = placeOf(record)
    }
    if (records.length === 0) return end
  }
}
