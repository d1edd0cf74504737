import { createReadStream, writeFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { syncFolder } from '../durable-file.ts'
import type { Inspected } from './inspection.ts'
import { followsOn, type JournalRecord, type Place, placeOf, recordAfter, START } from './record.ts'
import type { Append, JournalStore } from './store.ts'
import type { StoreId, Voters } from './voters.ts'

const FORMAT = 'tidegate journal 1'
/** What is appended at once: so many records, or so much of them. */
const APPEND_RECORDS = 200
const APPEND_CHARACTERS = 4 * 1024 * 1024

/** The first line of a backup: where the log in it ends. */
type Head = { readonly format: typeof FORMAT; readonly end: Place }

/** Writes the log of a store into a file: its head, then a line of JSON for each record. All of it, or no file. */
export async function writeBackup(store: Inspected, path: string): Promise<void> {
  const draft = `${path}.draft`
  const file = await open(draft, 'wx', 0o600)
  try {
    const write = (value: Head | JournalRecord): void => writeFileSync(file.fd, `${JSON.stringify(value)}\n`)
    write({ format: FORMAT, end: store.end })
    let end: Place = START
    await store.show((record) => {
      if (!followsOn(end, [record])) throw new Error(`record ${record.seq} does not follow on the one before`)
      write(record)
      end = placeOf(record)
    })
    // A leader that is at work may cut what was behind its last committed record.
    if (end.hash !== store.end.hash) throw new Error('the store was changed meanwhile; ask again')
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

/** Reads a backup to its end. @returns where its log ends @throws Error where it is none, or not whole */
export async function verifyBackup(path: string): Promise<Place> {
  let end: Place = START
  for await (const records of recordsIn(path)) end = placeOf(records.at(-1) ?? end)
  return end
}

/**
 * Fills empty stores, all that a journal is to have, from a backup whose log ends at `last`, and gives them the votes.
 * @returns where the journal ends then
 * @throws Error where the backup is not whole; the stores are then of no use, and have to be emptied
 */
export async function restoreBackup(
  path: string,
  last: Place,
  stores: readonly EmptyStore[],
  writes: number,
): Promise<Place> {
  const epoch = last.epoch + 1
  let end: Place = START
  const add = async (records: readonly JournalRecord[]): Promise<void> => {
    for (const { store } of stores) await append(store, { epoch, after: end, records })
    end = placeOf(records.at(-1) ?? end)
  }
  for await (const records of recordsIn(path)) await add(records)
  const voters: Voters = { stores: stores.map(({ id }) => id), writes, before: null }
  await add([recordAfter(end, epoch, 'voters', JSON.stringify(voters))])
  return end
}

/** The records of a backup, some at a time, each on the one before. @throws Error where it is none, or not whole */
async function* recordsIn(path: string): AsyncGenerator<readonly JournalRecord[]> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })
  let head: Head | null = null
  let end: Place = START
  let held: JournalRecord[] = []
  const taken = (): readonly JournalRecord[] => {
    if (!followsOn(end, held)) throw new Error(`the backup is spoilt behind record ${end.seq}`)
    const records = held
    end = placeOf(held.at(-1) ?? end)
    held = []
    return records
  }
  let characters = 0
  for await (const line of lines) {
    if (head === null) {
      head = headFrom(line)
      continue
    }
    held.push(parsed(line) as JournalRecord)
    characters += line.length
    if (held.length < APPEND_RECORDS && characters < APPEND_CHARACTERS) continue
    characters = 0
    yield taken()
  }
  if (head === null) throw new Error(NO_BACKUP)
  yield taken()
  if (end.hash !== head.end.hash) throw new Error(`the backup ends at record ${end.seq}, and had ${head.end.seq}`)
}

const NO_BACKUP = 'this is no backup of a journal'

function headFrom(line: string): Head {
  const head = parsed(line) as Head | null
  if (head?.format !== FORMAT) throw new Error(NO_BACKUP)
  return head
}

/** An empty object, which is no record, where it is no JSON. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return {}
  }
}

async function append(store: JournalStore, request: Append): Promise<void> {
  const { kind } = await store.append(request)
  if (kind !== 'stored') throw new Error('a store is in use, or was not empty')
}
