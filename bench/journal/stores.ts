import { randomUUID } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openFolder } from '../../src/platform/journal/disk.ts'
import { type FileStore, openFileStore } from '../../src/platform/journal/file-store.ts'
import { createJournal, type Journal } from '../../src/platform/journal/journal.ts'
import type { Leadership } from '../../src/platform/journal/leadership.ts'
import type { JournalStore } from '../../src/platform/journal/store.ts'
import { systemTimers } from '../../src/platform/journal/timers.ts'
import type { StoreId } from '../../src/platform/journal/voters.ts'

export type BenchJournal = {
  /** Leads, as a process that has just started. */
  lead(): Promise<Leadership>
  /** Puts an empty folder in the place of a store. @returns its name */
  wipe(place: number): Promise<StoreId>
  /** What one store takes on the disk. */
  bytes(): Promise<number>
  close(): Promise<void>
}

const ATTEMPTS_MAX = 10
const SEGMENT_BYTES = 16 * 1024 * 1024

/** Stores in files, each in a folder of its own. */
export async function openFolders(folder: string, count: number) {
  const folders = Array.from({ length: count }, (_, place) => join(folder, `${place}`))
  const files = await Promise.all(folders.map(openFiles))
  return {
    stores: files.map((store, place) => ({ name: `${place}`, store })),
    async close(): Promise<void> {
      await Promise.all(files.map((file) => file.close()))
    },
  }
}

const openFiles = async (path: string): Promise<FileStore> =>
  openFileStore(await openFolder(path), { newId: () => randomUUID() as StoreId })

/** Stores in files as they are in production, all in one folder. */
export async function openBenchJournal(folder: string, count: number, writes: number): Promise<BenchJournal> {
  const folders = Array.from({ length: count }, (_, place) => join(folder, `${place}`))
  const files = await Promise.all(folders.map(openFiles))
  const at = (place: number): FileStore => files[place] as FileStore
  const stores = folders.map((_, place): JournalStore => {
    return {
      prepare: (epoch) => at(place).prepare(epoch),
      append: (request) => at(place).append(request),
      read: (after, bytesMax) => at(place).read(after, bytesMax),
    }
  })
  const leaderships: Leadership[] = []
  return {
    async lead() {
      const leadership = await leadAnew(createJournal({ stores, writes, timers: systemTimers }))
      leaderships.push(leadership)
      return leadership
    },
    async wipe(place) {
      const path = folders[place] as string
      await at(place).close()
      await rm(path, { recursive: true })
      files[place] = await openFiles(path)
      return at(place).id
    },
    async bytes() {
      const names = await readdir(folders[0] as string)
      return names.filter((name) => name.endsWith('.segment')).length * SEGMENT_BYTES
    },
    async close() {
      for (const leadership of leaderships) leadership.resign('the bench is over')
      await Promise.all(files.map((file) => file.close()))
    },
  }
}

async function leadAnew(journal: Journal): Promise<Leadership> {
  for (let attempt = 1; ; attempt++) {
    const answer = await journal.lead()
    if (answer.kind === 'leading') return answer.leadership
    if (attempt === ATTEMPTS_MAX) throw new Error(answer.why)
  }
}
