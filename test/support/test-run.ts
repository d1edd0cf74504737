import { cpSync, rmSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { DatabaseServer, ServiceName } from '../../src/platform/database.ts'
import { openPglite } from '../../src/platform/pglite.ts'
import { openPostgres } from '../../src/platform/postgres.ts'
import { cashFlowMigrations } from '../../src/services/cash-flow/index.ts'
import { membershipMigrations } from '../../src/services/membership/index.ts'
import { productMigrations } from '../../src/services/product/index.ts'
import { riskMigrations } from '../../src/services/risk/index.ts'
import { settlementMigrations } from '../../src/services/settlement/index.ts'
import { startPostgres } from './postgres.ts'
import { PGLITE_FOLDER, POSTGRES_TEMPLATE } from './shared-start.ts'

/** What a run of tests stands on; without it each file would make anew what takes most of a platform's start. */
export type TestRun = {
  /** For the processes that run tests. */
  readonly environment: Readonly<Record<string, string>>
  /** Stops the server. The folder goes with this process. */
  close(): Promise<void>
}

/** The database of the run's PostgreSQL server that others are copied from. */
const TEMPLATE = 'migrated'

const MIGRATIONS: Readonly<Record<ServiceName, readonly URL[]>> = {
  membership: membershipMigrations,
  product: productMigrations,
  'cash-flow': cashFlowMigrations,
  risk: riskMigrations,
  settlement: settlementMigrations,
}

const GIB = 1024 ** 3
/** Twice what a whole run writes. */
const MEMORY_GIB_MIN = 8
const MEMORY = '/dev/shm'

/**
 * A real PostgreSQL server; for each store a database with every service's tables and nothing in them, to be copied; the
 * compiled code of all modules; and a folder in which all of it and whatever the tests write is. That is in memory if asked for
 * and if there is plenty: to make a file there takes a tenth of the processor time, and a run makes half a million. To a test
 * it is a disk like another, and what a killed process wrote is there; what is measured belongs on a disk.
 */
export async function openTestRun(where: 'on disk' | 'in memory' = 'on disk'): Promise<TestRun> {
  const folder = await makeFolder(where)
  process.env['TMPDIR'] = folder
  // However this process comes to its end: the server's package ends it on a signal, and what stays would take up memory.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const postgres = await startPostgres()
  await makePostgresTemplate(postgres.url)
  await makePgliteDatabases(join(folder, 'pglite')) // which keeps this process from anything else for seconds
  const environment = {
    TMPDIR: folder,
    TIDEGATE_TEST_POSTGRES_URL: postgres.url,
    [POSTGRES_TEMPLATE]: TEMPLATE,
    [PGLITE_FOLDER]: join(folder, 'pglite'),
    NODE_COMPILE_CACHE: join(folder, 'code'),
  }
  return { environment, close: postgres.stop }
}

async function makeFolder(where: 'on disk' | 'in memory'): Promise<string> {
  const room = where === 'on disk' ? null : await statfs(MEMORY).catch(() => null)
  const isRoomy = room !== null && Math.min(room.bavail * room.bsize, process.availableMemory()) >= MEMORY_GIB_MIN * GIB
  const folder = await mkdtemp(join(isRoomy ? MEMORY : tmpdir(), 'tidegate-run-'))
  await chmod(folder, 0o755) // PostgreSQL runs under an account of its own where this is root
  return folder
}

async function makePgliteDatabases(folder: string): Promise<void> {
  await mkdir(folder)
  const [bare, migrated] = [join(folder, 'bare'), join(folder, 'migrated')]
  await (await openPglite(bare)).close()
  cpSync(bare, migrated, { recursive: true })
  await migrateAll(await openPglite(migrated))
}

async function makePostgresTemplate(server: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(`CREATE DATABASE ${TEMPLATE}`)
  await client.end()
  const url = new URL(server)
  url.pathname = `/${TEMPLATE}`
  await migrateAll(openPostgres(() => url.href, console.error))
}

async function migrateAll(server: DatabaseServer): Promise<void> {
  for (const [service, migrations] of Object.entries(MIGRATIONS)) {
    const database = await server.open(service as ServiceName, migrations)
    await database.close()
  }
  await server.close()
}
