import { resolve } from 'node:path'
import { restoreBackup, verifyBackup, writeBackup } from '../platform/journal/backup.ts'
import { agreement, heldOf, type Inspected, recoverable } from '../platform/journal/inspection.ts'
import { inColumns } from './columns.ts'
import { type Command, type ExitCode, Misuse, printerOf, readArguments, refuseMore } from './command.ts'
import { type Occupied, placeAt, type StorePlace } from './journal/places.ts'
import { repair, status } from './journal/running.ts'
import { operatorClient } from './operator-client.ts'

const HELP = `tidegate journal status                                [--json]
tidegate journal repair                                [--json]
tidegate journal verify STORE…                         [--json] [--schema S]
tidegate journal backup FILE STORE…                    [--json] [--schema S]
tidegate journal restore FILE STORE… --writes W        [--json] [--schema S]

status tells, from the running platform, how far each store of the ledger's journal has got.
repair reads every store through while all goes on, and waits until each has everything, and its vote. Stores that lag, are empty or
have lost something are filled by themselves: it shows how far that is. Exit code 1 when one can't be reached, or is spoilt for good.

The others need no platform. Name all stores, in their order: a folder, or a file with the URL of a database (url_file in the
configuration), which keeps the journal in the schema S (tidegate_journal).
verify reads every record and changes nothing: whether each is whole and follows on the one before, and how far the stores are the
same. What as many stores have as it takes is committed; what is behind that may be, or may be cut by the next leader.
backup writes the log that a leader would go on from into a file. It needs as many whole stores as a leader does.
restore fills empty stores from such a file, and makes them those of a journal that is written to W of them; all of it, or none.
Exit code 1 when a store has lost something, or too few are whole.`

/** As `journal.stores` has it where nothing else is said. */
const SCHEMA = 'tidegate_journal'
const SCHEMA_NAME = /^[a-z][a-z0-9_]{0,62}$/

type Located = Inspected & { readonly at: string }
type Named = StorePlace & { readonly at: string }

export const journal: Command = {
  help: HELP,
  async run(args) {
    const { positionals, values } = readArguments({
      args: [...args],
      allowPositionals: true,
      options: {
        writes: { type: 'string' },
        schema: { type: 'string', default: SCHEMA },
        json: { type: 'boolean', default: false },
      },
    })
    if (!SCHEMA_NAME.test(values.schema)) throw new Misuse('a schema has a name of small letters, digits and _')
    const [action, ...places] = positionals
    const print = printerOf(values.json)
    if (action === 'status' || action === 'repair') {
      refuseMore(places)
      const operator = operatorClient(process.env)
      return action === 'status' ? status(operator, print) : repair(operator, print)
    }
    const placed = (paths: readonly string[]): Promise<readonly Named[]> =>
      Promise.all(paths.map(async (at) => ({ ...(await placeAt(at, values.schema)), at })))
    if (action === 'verify') return verify(await placed(places), print)
    const [file, ...rest] = places
    if (file === undefined || (action !== 'backup' && action !== 'restore')) {
      throw new Misuse('say what to do with the journal: status, repair, verify, backup or restore')
    }
    const stores = await placed(rest)
    return action === 'backup' ? backup(file, stores, print) : restore(file, stores, Number(values.writes), print)
  },
}

type Print = ReturnType<typeof printerOf>

async function inspectAll(places: readonly Named[]): Promise<readonly Located[]> {
  if (places.length === 0) throw new Misuse('name the stores')
  return Promise.all(places.map(async ({ at, inspect }) => ({ ...(await inspect()), at })))
}

async function verify(places: readonly Named[], print: Print): Promise<ExitCode> {
  const located = await inspectAll(places)
  const from = recoverable(located)
  const best = located[from?.place ?? -1]
  const held = from === null ? null : heldOf(located, from)
  const stores = located.map(({ at, name, promised, end, voters, fault, hashes }, place) => {
    const agrees = best === undefined ? null : agreement(best.hashes, hashes)
    const isForeign = agrees === 0 && end.seq > 0
    return {
      ...{
        store: at,
        name,
        promised,
        records: end.seq,
        head: end.hash,
        fault: isForeign ? 'of another journal' : fault,
      },
      ...{ votes: from !== null && name === from.voters?.stores[place], writes: voters?.writes ?? null, agrees },
    }
  })
  const rows = stores.map(({ store, name, promised, records, fault, votes, agrees }) => [
    ...[store, name ?? 'no name', `epoch ${promised}`, `${records} records`],
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

async function backup(file: string, places: readonly Named[], print: Print): Promise<ExitCode> {
  const stores = await inspectAll(places)
  if (stores.every(({ end }) => end.seq === 0)) throw new Error('there is nothing in these stores yet')
  const best = stores[recoverable(stores)?.place ?? -1]
  if (best === undefined) throw new Error('too few stores are whole to know what is committed')
  await writeBackup(best, resolve(file))
  const { seq: records, hash } = best.end
  return print({ file, records, head: hash }, `${records} records of ${best.at} in ${file}; the head is ${hash}`)
}

async function restore(file: string, places: readonly Named[], writes: number, print: Print): Promise<ExitCode> {
  if (!(Number.isInteger(writes) && writes >= 1 && writes <= places.length)) {
    throw new Misuse('name the new stores, and with --writes to how many of them a record has to go')
  }
  const last = await verifyBackup(resolve(file)) // before a store is begun
  const occupied: Occupied[] = []
  const opened: Awaited<ReturnType<Occupied['open']>>[] = []
  const closeAll = async (): Promise<void> => {
    for (const { close } of opened.splice(0)) await close()
  }
  try {
    for (const place of places) occupied.push(await place.occupy())
    for (const place of occupied) opened.push(await place.open())
    const { seq: records, hash } = await restoreBackup(resolve(file), last, opened, writes)
    await closeAll()
    return print(
      { stores: places.map(({ at }) => at), records, head: hash },
      `${records} records in ${places.length} stores; the head is ${hash}`,
    )
  } catch (error) {
    await closeAll()
    for (const place of occupied) await place.emptyOut()
    throw error
  } finally {
    for (const place of occupied) await place.release()
  }
}
