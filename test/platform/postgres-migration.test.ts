import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { openPostgres } from '../../src/platform/postgres.ts'
import { createDatabase } from '../support/stores.ts'

const skip =
  process.env['TIDEGATE_TEST_POSTGRES_URL'] === undefined && 'not run: `npm test` brings the PostgreSQL server'

test('a migration may take as long as the indexes of a large ledger do, what comes after it may not', {
  skip,
}, async (t) => {
  const owner = await mkdtemp(join(tmpdir(), 'tidegate-migration-'))
  t.after(() => rm(owner, { recursive: true }))
  const folder = join(owner, 'migrations')
  await mkdir(folder)
  const noted =
    "CREATE TABLE noted AS SELECT current_setting('statement_timeout') AS while_migrating; GRANT SELECT ON noted TO $role"
  await writeFile(join(folder, '001-noted.sql'), noted)
  const url = await createDatabase()
  const server = openPostgres(
    () => url,
    () => {},
  )
  t.after(() => server.close())
  const database = await server.open('risk', [pathToFileURL(`${folder}/`)])
  const [limits] = await database.transaction((sql) =>
    sql.query(`SELECT while_migrating, current_setting('statement_timeout') AS later FROM noted`),
  )
  assert.deepEqual(limits, { while_migrating: '1h', later: '15s' })
})
