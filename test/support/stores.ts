import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'node:test'
import pg from 'pg'
import type { DatabaseServer } from '../../src/platform/database.ts'
import { openPglite } from '../../src/platform/pglite.ts'
import { openPostgres } from '../../src/platform/postgres.ts'
import { copyDatabase, fromTemplate } from './shared-start.ts'

/** Set by `npm test`, which brings a PostgreSQL server for the whole run. */
const postgresUrl = process.env['TIDEGATE_TEST_POSTGRES_URL']

export type TestStore = { readonly name: string; open(): Promise<DatabaseServer> }

/** Defines the same tests for both stores: embedded PGlite, and a fresh database on a real PostgreSQL. */
export function onEachStore(subject: string, define: (store: TestStore) => void): void {
  const pglite: TestStore = { name: 'PGlite', open: openFreshPglite }
  const postgres: TestStore = { name: 'PostgreSQL', open: openFreshPostgres }
  describe(`${subject} on PGlite`, () => define(pglite))
  const skip = postgresUrl === undefined && 'not run: `npm test` brings the PostgreSQL server'
  describe(`${subject} on PostgreSQL`, { skip }, () => define(postgres))
}

export async function openFreshPglite(): Promise<DatabaseServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-store-'))
  copyDatabase('migrated', folder)
  const server = await openPglite(join(folder, 'database'))
  return {
    ...server,
    async close() {
      await server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function openFreshPostgres(): Promise<DatabaseServer> {
  const url = await createDatabase()
  return openPostgres(
    () => url,
    (error) => console.error(error),
  )
}

/** A new database on the run's PostgreSQL server, with every service's tables; its URL. */
export function createDatabase(): Promise<string> {
  return createDatabaseOn(postgresUrl ?? '', fromTemplate())
}

/** The same with nothing in it. */
export function createBareDatabase(): Promise<string> {
  return createDatabaseOn(postgresUrl ?? '')
}

/** One on another server. */
export async function createDatabaseOn(server: string, template = ''): Promise<string> {
  const name = `test_${randomBytes(8).toString('hex')}`
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(`CREATE DATABASE ${name}${template}`)
  await client.end()
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}
