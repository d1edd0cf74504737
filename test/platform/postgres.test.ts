import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import { type Database, type DatabaseServer, TransactionUndone } from '../../src/platform/database.ts'
import { outboxMigrations } from '../../src/platform/outbox.ts'
import { openPostgres } from '../../src/platform/postgres.ts'
import { createDatabase } from '../support/stores.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

describe('statements that are sent to PostgreSQL at once', { skip }, () => {
  let owner: pg.Client
  let server: DatabaseServer
  let database: Database
  before(async () => {
    const url = await createDatabase()
    owner = new pg.Client({ connectionString: url })
    await owner.connect()
    const errors: Error[] = []
    server = openPostgres(
      () => url,
      (error) => errors.push(error),
    )
    database = await server.open('membership', [outboxMigrations])
    await owner.query(
      `CREATE TABLE membership.thing (id text PRIMARY KEY, other text); GRANT ALL ON membership.thing TO tidegate_membership`,
    )
  })
  after(async () => {
    await server.close()
    await owner.end()
  })

  const INSERT = 'INSERT INTO thing (id) VALUES ($1)'
  const put = (id: string) => ({ text: INSERT, values: [id] })
  const all = async (): Promise<unknown[]> => {
    const [rows = []] = await database.atOnce([{ text: 'SELECT id FROM thing ORDER BY id', values: [] }])
    return rows.map(({ id }) => id)
  }

  test('are kept together or not at all, and none is the worse for a failure', async () => {
    await database.atOnce([put('a'), put('b')])
    await assert.rejects(database.atOnce([put('c'), put('a'), put('d')]), { code: '23505' })
    await assert.rejects(database.atOnce([put('c'), { text: 'SELECT nothing FROM nowhere', values: [] }, put('d')]), {
      code: '42P01',
    })
    await assert.rejects(database.atOnce([put('c'), { text: 'SELECT $1::bigint AS big', values: ['no number'] }]), {
      code: '22P02',
    })
    assert.deepEqual(await all(), ['a', 'b'])
    assert.deepEqual(await database.atOnce([put('c'), { text: 'SELECT $1::bigint AS big', values: [1n] }, put('d')]), [
      [],
      [{ big: 1n }],
      [],
    ])
    assert.deepEqual(await all(), ['a', 'b', 'c', 'd'])
  })

  test('go on with what is concluded from them, unless that fails', async () => {
    await database.atOnce([put('e')], async () => [put('f')])
    await assert.rejects(
      database.atOnce([put('g')], async () => [put('e')]),
      { code: '23505' },
    )
    await assert.rejects(
      database.atOnce([put('g')], async () => Promise.reject(new Error('no majority'))),
      /no majority/,
    )
    assert.deepEqual(await all(), ['a', 'b', 'c', 'd', 'e', 'f'])
  })

  test('are not known to be undone where the server fails at their COMMIT, and are where it refuses it', async () => {
    await owner.query(
      `CREATE FUNCTION membership.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION USING ERRCODE = NEW.id; END $$;
       CREATE TABLE membership.late (id text); GRANT ALL ON membership.late TO tidegate_membership;
       CREATE CONSTRAINT TRIGGER late AFTER INSERT ON membership.late DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION membership.refuse()`,
    )
    const failing = (code: string) => [{ text: 'INSERT INTO late (id) VALUES ($1)', values: [code] }]
    for (const conclude of [undefined, async () => []]) {
      await assert.rejects(database.atOnce(failing('58030'), conclude), { code: 'outcome_unknown' })
      await assert.rejects(database.atOnce(failing('53100'), conclude), { code: 'outcome_unknown' })
      await assert.rejects(database.atOnce(failing('23505'), conclude), { code: '23505' })
    }
    const before = [put('z'), { text: 'SELECT nothing FROM nowhere', values: [] }]
    await assert.rejects(database.atOnce(before), { code: '42P01' })
  })

  test('and one by one: an error that was caught in a transaction undoes it all the same, and is said', async () => {
    const before = await all()
    const swallowed = database.transaction(async (sql) => {
      await sql.query(INSERT, ['kept?'])
      await sql.query(INSERT, ['kept?']).catch(() => null)
    })
    await assert.rejects(swallowed, TransactionUndone)
    assert.deepEqual(await all(), before)
    await database.transaction((sql) => sql.query(INSERT, ['after']))
    assert.deepEqual(await all(), [...before, 'after'].sort())
    await database.transaction((sql) => sql.query("DELETE FROM thing WHERE id = 'after'"))
  })

  test('have their values as they were sent', async () => {
    const text = `SELECT $1::bigint AS big, $2::boolean AS yes, $3::jsonb AS json, $4::text[] AS list, $5::bytea AS bytes,
      $6::timestamptz AS at, $7::text AS nothing`
    const list = ['x', 'y"z', 'a\\b', '', '{,}', 'NULL']
    const values = [2n ** 62n, true, '{"a": [1, null]}', list, Uint8Array.of(0, 1, 255), '1970-01-01T00:00:01Z', null]
    for (const _time of ['prepared', 'known']) {
      const [[row] = []] = await database.atOnce([{ text, values }])
      assert.deepEqual(
        { ...row, bytes: Array.from(row?.['bytes'] as Uint8Array) },
        { big: 2n ** 62n, yes: true, json: { a: [1, null] }, list, bytes: [0, 1, 255], at: 1_000, nothing: null },
      )
    }
  })

  test('are prepared anew where a table has changed since', async () => {
    const statements = [{ text: 'SELECT * FROM thing WHERE id = $1', values: ['a'] }]
    assert.deepEqual(await database.atOnce(statements), [[{ id: 'a', other: null }]])
    await owner.query('ALTER TABLE membership.thing DROP COLUMN other')
    assert.deepEqual(await database.atOnce(statements), [[{ id: 'a' }]])
    await owner.query('ALTER TABLE membership.thing ADD COLUMN more bigint DEFAULT 7')
    assert.deepEqual(await database.atOnce(statements, async () => []), [[{ id: 'a', more: 7n }]])
  })

  test('find what they read by an index, though its table was tiny when they were prepared', async () => {
    await owner.query(
      'CREATE TABLE membership.grown (owner text, key text, PRIMARY KEY (owner, key)) WITH (autovacuum_enabled = off); GRANT ALL ON membership.grown TO tidegate_membership',
    )
    const text = 'SELECT key FROM grown JOIN unnest($1::text[], $2::text[]) AS asked (owner, key) USING (owner, key)'
    const ask = () =>
      database.atOnce([
        {
          text,
          values: [
            ['o', 'o'],
            ['1', '77'],
          ],
        },
      ])
    await owner.query("INSERT INTO membership.grown VALUES ('o', '1'); ANALYZE membership.grown")
    for (let time = 0; time < 8; time++) assert.deepEqual(await ask(), [[{ key: '1' }]])
    await owner.query("INSERT INTO membership.grown SELECT 'o', nth::text FROM generate_series(2, 20000) AS nth")
    assert.equal((await ask())[0]?.length, 2)
    await database.atOnce([{ text: 'SELECT pg_stat_force_next_flush()', values: [] }])
    const { rows } = await owner.query(
      "SELECT seq_tup_read::int AS read, idx_scan > 0 AS by_index FROM pg_stat_user_tables WHERE relname = 'grown'",
    )
    assert.deepEqual(rows, [{ read: 0, by_index: true }])
  })
})
