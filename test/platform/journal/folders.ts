import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { FileStore } from '../../../src/platform/journal/file-store.ts'
import { type JournalRecord, START } from '../../../src/platform/journal/record.ts'
import { openFiles, temporaryFolder } from './support.ts'

/** Overwrites a part of a file, as a disk might. */
export async function overwrite(path: string, at: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(bytes, 0, bytes.length, at)
  await file.close()
}

export const segment = (folder: string, index: number): string =>
  join(folder, `${String(index).padStart(8, '0')}.segment`)

/** A store that holds these, appended one at a time, and was closed. */
export async function written(t: TestContext, records: readonly JournalRecord[]): Promise<string> {
  const folder = await temporaryFolder(t)
  const store = await openFiles(folder)
  await store.prepare(1)
  let after = START
  for (const record of records) {
    await store.append({ epoch: 1, after, records: [record] })
    after = record
  }
  await store.close()
  return folder
}

export async function reopened(t: TestContext, folder: string): Promise<FileStore> {
  const store = await openFiles(folder)
  t.after(() => store.close())
  return store
}
