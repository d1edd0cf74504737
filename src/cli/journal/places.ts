import { randomUUID } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LOCK_FILE, ownDataDirectory } from '../../platform/data-directory.ts'
import type { EmptyStore } from '../../platform/journal/backup.ts'
import {
  connectTo,
  type DatabasePlace,
  hasJournal,
  inspectDatabase,
} from '../../platform/journal/database-inspection.ts'
import { openFolder } from '../../platform/journal/disk.ts'
import { openFileStore } from '../../platform/journal/file-store.ts'
import { type Inspected, inspectFolder } from '../../platform/journal/inspection.ts'
import { createPostgresStore } from '../../platform/journal/postgres-store.ts'
import type { StoreId } from '../../platform/journal/voters.ts'
import { readSecret } from '../../platform/secret-file.ts'

/** Where a store of a journal is, as the command line names it. */
export type StorePlace = {
  /** @throws Error where there is none */
  inspect(): Promise<Inspected>
  /** Makes this process the only one that begins a store here. @throws Error where there is one */
  occupy(): Promise<Occupied>
}

/** A place where nothing is yet. */
export type Occupied = {
  open(): Promise<EmptyStore & { close(): Promise<void> }>
  /** Leaves nothing of what was opened. */
  emptyOut(): Promise<void>
  release(): Promise<void>
}

const newId = (): StoreId => randomUUID() as StoreId

/** A file names a database by the URL in it, as `url_file` of the configuration does; everything else is a folder. */
export async function placeAt(path: string, schema: string): Promise<StorePlace> {
  const found = await stat(path).catch(() => null)
  return found?.isFile() ? databaseAt({ url: readSecret(path), schema }, path) : folderAt(path)
}

function folderAt(folder: string): StorePlace {
  return {
    async inspect() {
      await readdir(folder) // one that is not there is not made
      return inspectFolder(await openFolder(folder))
    },
    async occupy() {
      const { release } = await ownDataDirectory(folder)
      if ((await filesIn(folder)).length > 0) {
        release()
        throw new Error(`${folder} is not empty`)
      }
      return {
        async open() {
          const store = await openFileStore(await openFolder(folder), { newId })
          return { id: store.id, store, close: () => store.close() }
        },
        async emptyOut() {
          for (const name of await filesIn(folder)) await rm(join(folder, name), { force: true })
        },
        release: async () => release(),
      }
    },
  }
}

/** Without the lock, and what SQLite has beside it. */
async function filesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => !name.startsWith(LOCK_FILE))
}

function databaseAt(place: DatabasePlace, path: string): StorePlace {
  return {
    inspect: () => inspectDatabase(place),
    async occupy() {
      const client = await connectTo(place)
      try {
        const { rows } = await client.query<{ mine: boolean }>(
          'SELECT pg_try_advisory_lock(hashtext($1)) AS mine', // as long as it is connected
          [`restore ${place.schema}`],
        )
        if (rows[0]?.mine !== true || (await hasJournal(client)))
          throw new Error(`the schema ${place.schema} of the database in ${path} is not empty, or is in use`)
      } catch (error) {
        await client.end()
        throw error
      }
      return {
        async open() {
          const store = createPostgresStore({ ...place, newId, onError: () => {} })
          try {
            return { id: (await store.read(0, 1)).store, store, close: store.close }
          } catch (error) {
            await store.close()
            throw error
          }
        },
        emptyOut: async () => void (await client.query('DROP TABLE IF EXISTS record, store')),
        release: () => client.end(),
      }
    },
  }
}
