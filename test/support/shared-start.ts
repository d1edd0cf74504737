import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPglite } from '../../src/platform/pglite.ts'

/** What every file of a run would else make anew: most of the time that a platform takes to start. */
export type SharedStart = {
  readonly environment: Readonly<Record<string, string>>
  remove(): Promise<void>
}

const EMPTY_DATABASE = 'TIDEGATE_TEST_EMPTY_DATABASE'

/** An empty PGlite directory to copy (2 s of CPU to make), and the compiled code of all modules (half a second). */
export async function makeSharedStart(): Promise<SharedStart> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-run-'))
  const database = join(folder, 'database')
  const made = await openPglite(database)
  await made.close()
  return {
    environment: { [EMPTY_DATABASE]: database, NODE_COMPILE_CACHE: join(folder, 'code') },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Puts the run's empty database into a data directory; outside of a run (`node --test FILE`) the platform makes its own. */
export async function copyEmptyDatabase(dataDirectory: string): Promise<void> {
  const database = process.env[EMPTY_DATABASE]
  if (database !== undefined) await cp(database, join(dataDirectory, 'database'), { recursive: true })
}
