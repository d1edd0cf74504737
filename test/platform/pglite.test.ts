import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Database, type DatabaseServer, TransactionUndone } from '../../src/platform/database.ts'
import { outboxMigrations } from '../../src/platform/outbox.ts'
import { openFreshPglite } from '../support/stores.ts'

let server: DatabaseServer
let database: Database
before(async () => {
  server = await openFreshPglite()
  database = await server.open('membership', [outboxMigrations])
})
after(() => server.close())

const OFFSETS = 'SELECT feed, seq FROM feed_offset ORDER BY feed'
const INSERT = 'INSERT INTO feed_offset (feed, seq) VALUES ($1, $2)'

test('a statement that failed is none the worse for it: what it did is undone, and it can be sent again', async () => {
  await database.atOnce([{ text: INSERT, values: ['a', 1n] }])
  const twice = database.transaction(async (sql) => {
    await sql.query(INSERT, ['b', 2n])
    await sql.query(INSERT, ['a', 3n])
  })
  await assert.rejects(twice, { code: '23505' })
  await database.transaction((sql) => sql.query(INSERT, ['b', 4n]))
  const [rows] = await database.atOnce([{ text: OFFSETS, values: [] }])
  assert.deepEqual(rows, [
    { feed: 'a', seq: 1n },
    { feed: 'b', seq: 4n },
  ])
})

test('an error that was caught in a transaction undoes it all the same', async () => {
  const swallowed = database.transaction(async (sql) => {
    await sql.query(INSERT, ['c', 5n])
    await sql.query(INSERT, ['a', 6n]).catch(() => null)
  })
  await assert.rejects(swallowed, TransactionUndone)
  assert.equal((await database.transaction((sql) => sql.query(OFFSETS))).length, 2)
})

test('statements that are sent at once, and more of them than are kept prepared, each have their own answer', async () => {
  const texts = Array.from({ length: 600 }, (_, nth) => `SELECT $1::text || '${nth}' AS text, ${nth}::bigint AS nth`)
  const answers = await database.transaction((sql) => Promise.all(texts.map((text) => sql.query(text, ['no. ']))))
  assert.deepEqual(
    answers,
    texts.map((_, nth) => [{ text: `no. ${nth}`, nth: BigInt(nth) }]),
  )
})

test('what each value is comes back as it was sent', async () => {
  const text = `SELECT $1::bigint AS big, $2::boolean AS yes, $3::jsonb AS json, $4::text[] AS list, $5::bytea AS bytes,
    $6::timestamptz AS at, $7::text AS nothing`
  const bytes = Uint8Array.of(0, 1, 255)
  const values = [2n ** 62n, true, '{"a": [1, null]}', ['x', 'y"z'], bytes, '1970-01-01T00:00:01Z', null]
  const [row] = await database.transaction((sql) => sql.query(text, values))
  assert.deepEqual(
    { ...row, bytes: Array.from(row?.['bytes'] as Uint8Array) },
    {
      ...{ big: 2n ** 62n, yes: true, json: { a: [1, null] }, list: ['x', 'y"z'], bytes: [0, 1, 255] },
      ...{ at: 1_000, nothing: null },
    },
  )
})

test('nothing of what was answered is held', async () => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const heldAfter = async (transactions: number): Promise<number> => {
    for (let left = transactions; left > 0; left--) await database.transaction((sql) => sql.query(OFFSETS))
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  const before = await heldAfter(500)
  const held = (await heldAfter(4_000)) - before
  assert.ok(held < 2_000_000, `${held} bytes of 4,000 transactions`)
})
