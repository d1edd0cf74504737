import { createReadStream, writeSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { syncFolder } from '../durable-file.ts'
import { type Inspected, showRecords } from './inspection.ts'
import { followsOn, type JournalRecord, type Place, placeOf, recordAfter, START } from './record.ts'
import type { Append, JournalStore } from './store.ts'
import type { StoreId, Voters } from './voters.ts'

const FORMAT = 'tidegate journal 1'
const APPEND_RECORDS = 200

/** The first line of a backup: where the log in it ends. */
type Head = { readonly format: typeof FORMAT; readonly end: Place }

/** Writes the log of a store into a file: its head, then a line of JSON for each record. All of it, or no file. */
export async function writeBackup(store: Inspected, path: string): Promise<void> {
  const draft = `${path}.draft`
  const file = await open(draft, 'wx', 0o600)
  try {
    const write = (value: Head | JournalRecord): void => void writeSync(file.fd, `${JSON.stringify(value)}\n`)
    write({ format: FORMAT, end: store.end })
    await showRecords(store, write)
    await file.sync()
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  } finally {
    await file.close()
  }
  await syncFolder(dirname(path))
}

export type EmptyStore = { readonly id: StoreId; readonly store: JournalStore }

/**
 * Fills empty stores, all that a journal is to have, from a backup, and gives them the votes.
 * @returns where the journal ends then
 * @throws Error where the backup is not whole; the stores are then of no use, and have to be emptied
 */
export async function restoreBackup(path: string, stores: readonly EmptyStore[], writes: number): Promise<Place> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })
  const read = lines[Symbol.asyncIterator]()
  const head = headFrom((await read.next()).value ?? '')
  const epoch = head.end.epoch + 1
  let end: Place = START
  const add = async (records: readonly JournalRecord[]): Promise<void> => {
    if (!followsOn(end, records)) throw new Error(`the backup is spoilt behind record ${end.seq}`)
    for (const { store } of stores) await append(store, { epoch, after: end, records })
    end = placeOf(records.at(-1) ?? end)
  }
  let held: JournalRecord[] = []
  for await (const line of { [Symbol.asyncIterator]: () => read }) {
    held.push(JSON.parse(line) as JournalRecord)
    if (held.length < APPEND_RECORDS) continue
    await add(held)
    held = []
  }
  await add(held)
  if (end.hash !== head.end.hash) throw new Error(`the backup ends at record ${end.seq}, and had ${head.end.seq}`)
  const voters: Voters = { stores: stores.map(({ id }) => id), writes, before: null }
  await add([recordAfter(end, epoch, 'voters', JSON.stringify(voters))])
  return end
}

function headFrom(line: string): Head {
  const head = line === '' ? null : (JSON.parse(line) as Head)
  if (head?.format !== FORMAT) throw new Error('this is no backup of a journal')
  return head
}

async function append(store: JournalStore, request: Append): Promise<void> {
  const { kind } = await store.append(request)
  if (kind !== 'stored') throw new Error('a store is in use, or was not empty')
}
