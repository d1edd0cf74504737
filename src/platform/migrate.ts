import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { assert } from '../kernel/assert.ts'
import { sha256 } from '../kernel/canonical-json.ts'
import { roleOf, type ServiceName, type Sql, schemaOf } from './database.ts'

type Migration = { readonly name: string; readonly text: string }

/** Serialises migrating processes; any number will do as long as all of them use it. */
const MIGRATION_LOCK = 7_201_184

/**
 * Creates the service's role and schema and runs, in order, the migrations that have not run yet.
 * Runs in one transaction as the database's owner, for whom `CREATEROLE` is enough: since PostgreSQL 16 that makes a role
 * without the right to become it, so this is tried and, if need be, granted. `execute` takes a text of several statements.
 * @throws AssertionFailed when a migration that ran was changed afterwards
 */
export async function migrate(
  service: ServiceName,
  folders: readonly URL[],
  sql: Sql,
  execute: (text: string) => Promise<unknown>,
): Promise<void> {
  const [schema, role] = [schemaOf(service), roleOf(service)]
  await sql.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
  await execute(`
    DO $$ BEGIN CREATE ROLE ${role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
    DO $$ BEGIN SET LOCAL ROLE ${role}; SET LOCAL ROLE NONE;
      EXCEPTION WHEN insufficient_privilege THEN GRANT ${role} TO CURRENT_USER; END $$;
    CREATE SCHEMA IF NOT EXISTS ${schema};
    REVOKE ALL ON SCHEMA ${schema} FROM PUBLIC;
    GRANT USAGE ON SCHEMA ${schema} TO ${role};
    CREATE TABLE IF NOT EXISTS ${schema}.migration (name text PRIMARY KEY, digest text NOT NULL);
    SET LOCAL search_path TO ${schema};
  `)
  const done = new Map(
    (await sql.query<{ name: string; digest: string }>('SELECT name, digest FROM migration')).map((row) => [
      row.name,
      row.digest,
    ]),
  )
  for (const { name, text } of await readMigrations(folders)) {
    const digest = sha256(text)
    const known = done.get(name)
    assert(known === undefined || known === digest, `migration ${schema}/${name} has not changed since it ran`)
    if (known !== undefined) continue
    await execute(text.replaceAll('$role', role))
    await sql.query('INSERT INTO migration (name, digest) VALUES ($1, $2)', [name, digest])
  }
}

/** The `.sql` files of each folder in the order of their names; `$role` in them stands for the service's role. */
async function readMigrations(folders: readonly URL[]): Promise<Migration[]> {
  const migrations: Migration[] = []
  for (const folder of folders) {
    const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
    const owner = basename(new URL('..', folder).pathname)
    for (const file of files) {
      migrations.push({ name: `${owner}/${file}`, text: await readFile(new URL(file, folder), 'utf8') })
    }
  }
  return migrations
}
