import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openFolder } from '../../../src/platform/journal/disk.ts'
import { type FileStore, openFileStore } from '../../../src/platform/journal/file-store.ts'
import { createJournal } from '../../../src/platform/journal/journal.ts'
import type { Limits } from '../../../src/platform/journal/leadership.ts'
import { createPostgresStore } from '../../../src/platform/journal/postgres-store.ts'
import { type JournalRecord, type Place, recordAfter } from '../../../src/platform/journal/record.ts'
import type { JournalStore } from '../../../src/platform/journal/store.ts'
import { systemTimers } from '../../../src/platform/journal/timers.ts'
import type { StoreId } from '../../../src/platform/journal/voters.ts'
import { createBareDatabase } from '../../support/stores.ts'

export const SEGMENT_BYTES = 8 * 1024

/** Waits that are too long for no good machine. */
export const LIMITS: Limits = {
  answerMs: 5_000,
  patienceMs: 10_000,
  pauseMs: 10,
  idleMs: 20,
  sendBytesMax: 64 * 1024,
  underWayMax: 100,
}

export const newId = (): StoreId => randomUUID() as StoreId

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-journal-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function openFiles(folder: string): Promise<FileStore> {
  return openFileStore(await openFolder(folder), { newId, segmentBytes: SEGMENT_BYTES })
}

export type Kept = JournalStore & { close(): Promise<void> }

/** A store that can be closed and opened again where it lay. */
export type TestPlace = { open(): Promise<Kept> }

export async function filePlace(t: TestContext): Promise<TestPlace> {
  const folder = await temporaryFolder(t)
  return { open: () => openFiles(folder) }
}

export function openDatabase(url: string): Kept {
  return createPostgresStore({ url, schema: 'journal', newId, onError: (error) => console.error(error) })
}

export async function postgresPlace(): Promise<TestPlace> {
  const url = await createBareDatabase()
  return { open: async () => openDatabase(url) }
}

/** So many records behind a place, each with its number in its body. */
export function chainFrom(end: Place, epoch: number, count: number): JournalRecord[] {
  const records: JournalRecord[] = []
  let last = end
  for (let n = 0; n < count; n++) {
    const record = recordAfter(last, epoch, 'batch', `{"n":${last.seq + 1},"epoch":${epoch}}`)
    records.push(record)
    last = record
  }
  return records
}

export async function readAll(store: JournalStore): Promise<readonly JournalRecord[]> {
  const all: JournalRecord[] = []
  for (;;) {
    const { records } = await store.read(all.length, 2_000)
    if (records.length === 0) return all
    all.push(...records)
  }
}

/** Leads a journal in these stores, appends numbers until it has so many, and closes them. @returns those that it found */
export async function appendNumbers(stores: readonly Kept[], count: number): Promise<readonly number[]> {
  const journal = createJournal({ stores, writes: 2, timers: systemTimers, limits: LIMITS })
  let answer = await journal.lead()
  while (answer.kind !== 'leading') answer = await journal.lead()
  const { leadership } = answer
  const found = await Array.fromAsync(leadership.replay(0), ({ body }) => Number(body))
  for (let n = found.length + 1; n <= count; n++) assert.equal((await leadership.append(String(n))).kind, 'ok')
  while (leadership.state().stores.some(({ matched }) => matched < leadership.state().end)) await sleep(5)
  leadership.resign('enough')
  await Promise.all(stores.map((store) => store.close()))
  return found
}
