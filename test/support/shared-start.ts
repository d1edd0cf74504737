import { cpSync } from 'node:fs'
import { join } from 'node:path'

/** Where the run's databases are to be copied from: see `test-run.ts`. */
export const PGLITE_FOLDER = 'TIDEGATE_TEST_PGLITE_FOLDER'
export const POSTGRES_TEMPLATE = 'TIDEGATE_TEST_POSTGRES_TEMPLATE'

/**
 * Puts the run's database, `bare` or `migrated`, into a data directory; outside of a run (`node --test FILE`) there is none,
 * and whoever opens the directory makes it.
 */
export function copyDatabase(kind: 'bare' | 'migrated', dataDirectory: string): void {
  const folder = process.env[PGLITE_FOLDER]
  if (folder !== undefined) cpSync(join(folder, kind), join(dataDirectory, 'database'), { recursive: true })
}

/** The end of `CREATE DATABASE`. */
export function fromTemplate(): string {
  const template = process.env[POSTGRES_TEMPLATE]
  return template === undefined ? '' : ` TEMPLATE ${template}`
}
