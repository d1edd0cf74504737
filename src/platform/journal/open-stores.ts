import { randomUUID } from 'node:crypto'
import { ownDataDirectory } from '../data-directory.ts'
import type { Log } from '../log.ts'
import { openFolder } from './disk.ts'
import { type FileStore, openFileStore } from './file-store.ts'
import { createPostgresStore } from './postgres-store.ts'
import type { JournalStore } from './store.ts'
import type { StoreId } from './voters.ts'

/** Where one store of a journal is: a folder of files, or a schema in a PostgreSQL database. */
export type StorePlace =
  | { readonly kind: 'files'; readonly folder: string }
  | { readonly kind: 'postgres'; readonly url: string; readonly schema: string }

export type OpenStore = JournalStore & { readonly name: string; close(): Promise<void> }

const newId = (): StoreId => randomUUID() as StoreId

/** A store that is opened when it is first asked, and anew after it has failed: it may be away at any time. */
export function openStore(place: StorePlace, log: Log): OpenStore {
  if (place.kind === 'files') return { name: place.folder, ...openAgain(place.folder, log) }
  const { url, schema } = place
  const { host } = new URL(url)
  const onError = (err: Error): void => log.error({ err, store: host }, 'a connection to a store of the journal broke')
  return { name: host, ...createPostgresStore({ url, schema, newId, onError }) }
}

type Opened = { readonly store: FileStore; release(): void }

function openAgain(folder: string, log: Log): JournalStore & { close(): Promise<void> } {
  let opening: Promise<Opened> | null = null

  async function open(): Promise<Opened> {
    const { release } = await ownDataDirectory(folder)
    try {
      const store = await openFileStore(await openFolder(folder), { newId })
      if (store.opened === 'lost')
        log.error({ folder }, 'a store of the journal has lost records; it is filled anew, by others')
      return { store, release }
    } catch (error) {
      release()
      throw error
    }
  }

  async function within<T>(work: (store: FileStore) => Promise<T>): Promise<T> {
    opening ??= open().catch((error: unknown) => {
      opening = null
      throw error
    })
    const mine = opening
    const { store, release } = await mine
    try {
      return await work(store)
    } catch (error) {
      if (store.failure !== null && opening === mine) {
        opening = null
        log.error({ err: store.failure, folder }, 'a store of the journal has failed; it is opened anew')
        await store.close().catch(() => null)
        release()
      }
      throw error
    }
  }

  return {
    prepare: (epoch) => within((store) => store.prepare(epoch)),
    append: (request) => within((store) => store.append(request)),
    read: (after, bytesMax) => within((store) => store.read(after, bytesMax)),
    async close() {
      const opened = await opening?.catch(() => null)
      opening = null
      await opened?.store.close()
      opened?.release()
    },
  }
}
