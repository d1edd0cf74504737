import { randomUUID } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { LOCK_FILE, ownDataDirectory } from '../platform/data-directory.ts'
import { restoreBackup, verifyBackup, writeBackup } from '../platform/journal/backup.ts'
import { openFolder } from '../platform/journal/disk.ts'
import { type FileStore, openFileStore } from '../platform/journal/file-store.ts'
import { agreement, heldOf, type Inspected, inspect, recoverable } from '../platform/journal/inspection.ts'
import type { StoreId } from '../platform/journal/voters.ts'
import { inColumns } from './columns.ts'
import { type Command, type ExitCode, Misuse, printerOf, readArguments, refuseMore } from './command.ts'
import { repair, status } from './journal/running.ts'
import { operatorClient } from './operator-client.ts'

const HELP = `tidegate journal status                                [--json]
tidegate journal repair                                [--json]
tidegate journal verify FOLDER…                        [--json]
tidegate journal backup FILE FOLDER…                   [--json]
tidegate journal restore FILE FOLDER… --writes W       [--json]

status tells, from the running platform, how far each store of the ledger's journal has got.
repair reads every store through while all goes on, and waits until each has everything, and its vote. Stores that lag, are empty or
have lost something are filled by themselves: it shows how far that is. Exit code 1 when one can't be reached, or is spoilt for good.

The others are for stores in files; name all folders, in their order.
verify reads every record and changes nothing: whether each is whole and follows on the one before, and how far the stores are the
same. What as many stores have as it takes is committed; what is behind that may be, or may be cut by the next leader.
backup writes the log that a leader would go on from into a file. It needs as many whole stores as a leader does.
restore fills empty folders from such a file, and makes them the stores of a journal that is written to W of them; all of it, or none.
Exit code 1 when a store has lost something, or too few are whole.`

type Located = Inspected & { readonly folder: string }

export const journal: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: { writes: { type: 'string' }, json: { type: 'boolean', default: false } },
    })
    const [action, ...places] = positionals
    const print = printerOf(values.json)
    if (action === 'status' || action === 'repair') {
      refuseMore(places)
      const operator = operatorClient(process.env)
      return action === 'status' ? status(operator, print) : repair(operator, print)
    }
    if (action === 'verify') return verify(places, print)
    const [file, ...folders] = places
    if (file === undefined || (action !== 'backup' && action !== 'restore')) {
      throw new Misuse('say what to do with the journal: status, repair, verify, backup or restore')
    }
    return action === 'backup' ? backup(file, folders, print) : restore(file, folders, Number(values.writes), print)
  },
}

type Print = ReturnType<typeof printerOf>

async function inspectAll(folders: readonly string[]): Promise<readonly Located[]> {
  if (folders.length === 0) throw new Misuse('name the folders of the stores')
  return Promise.all(
    folders.map(async (folder) => {
      await readdir(folder) // one that is not there is not made
      return { ...(await inspect(await openFolder(folder))), folder }
    }),
  )
}

async function verify(folders: readonly string[], print: Print): Promise<ExitCode> {
  const located = await inspectAll(folders)
  const from = recoverable(located)
  const best = located[from?.place ?? -1]
  const held = from === null ? null : heldOf(located, from)
  const stores = located.map(({ folder, name, promised, end, voters, fault, hashes }, place) => {
    const agrees = best === undefined ? null : agreement(best.hashes, hashes)
    const isForeign = agrees === 0 && end.seq > 0
    return {
      ...{ folder, name, promised, records: end.seq, head: end.hash, fault: isForeign ? 'of another journal' : fault },
      ...{ votes: from !== null && name === from.voters?.stores[place], writes: voters?.writes ?? null, agrees },
    }
  })
  const rows = stores.map(({ folder, name, promised, records, fault, votes, agrees }) => [
    ...[folder, name ?? 'no name', `epoch ${promised}`, `${records} records`],
    ...[
      fault === 'nothing' ? 'whole' : fault,
      votes ? 'votes' : 'no vote',
      agrees === null ? '' : `the same to ${agrees}`,
    ],
  ])
  const verdict =
    held === null
      ? 'too few stores are whole, at the places where they vote, to know what is committed'
      : `record ${held} is on enough stores`
  print({ stores, held }, `${inColumns(rows)}\n${verdict}`)
  return held === null || stores.some(({ fault }) => fault === 'lost' || fault === 'of another journal') ? 1 : 0
}

async function backup(file: string, folders: readonly string[], print: Print): Promise<ExitCode> {
  const stores = await inspectAll(folders)
  if (stores.every(({ end }) => end.seq === 0)) throw new Error('there is nothing in these stores yet')
  const best = stores[recoverable(stores)?.place ?? -1]
  if (best === undefined) throw new Error('too few stores are whole to know what is committed')
  await writeBackup(best, resolve(file))
  const { seq: records, hash } = best.end
  return print({ file, records, head: hash }, `${records} records of ${best.folder} in ${file}; the head is ${hash}`)
}

async function restore(file: string, folders: readonly string[], writes: number, print: Print): Promise<ExitCode> {
  if (!(Number.isInteger(writes) && writes >= 1 && writes <= folders.length)) {
    throw new Misuse('name the folders of the new stores, and with --writes to how many of them a record has to go')
  }
  const last = await verifyBackup(resolve(file)) // before a folder is made
  const owned: { readonly folder: string; release(): void }[] = []
  const stores: FileStore[] = []
  try {
    for (const folder of folders) owned.push({ folder, release: await ownEmpty(folder) })
    for (const folder of folders) {
      stores.push(await openFileStore(await openFolder(folder), { newId: () => randomUUID() as StoreId }))
    }
    const empty = stores.map((store) => ({ id: store.id, store }))
    const { seq: records, hash } = await restoreBackup(resolve(file), last, empty, writes)
    await closeAll(stores)
    return print(
      { folders, records, head: hash },
      `${records} records in ${folders.length} stores; the head is ${hash}`,
    )
  } catch (error) {
    await closeAll(stores)
    for (const { folder } of owned) await emptyOut(folder)
    throw error
  } finally {
    for (const { release } of owned) release()
  }
}

async function closeAll(stores: readonly FileStore[]): Promise<void> {
  for (const store of stores) await store.close()
}

/** Makes this process the owner of an empty folder, which is made where it is not there. @returns what ends that */
async function ownEmpty(folder: string): Promise<() => void> {
  const { release } = await ownDataDirectory(folder)
  if ((await filesIn(folder)).length === 0) return release
  release()
  throw new Error(`${folder} is not empty`)
}

/** Without the lock, and what SQLite has beside it. */
async function filesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => !name.startsWith(LOCK_FILE))
}

async function emptyOut(folder: string): Promise<void> {
  for (const name of await filesIn(folder)) await rm(join(folder, name), { force: true })
}
