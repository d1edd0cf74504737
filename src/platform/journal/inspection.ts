import type { Disk } from './disk.ts'
import { isShort, readKept } from './file-store.ts'
import type { JournalRecord, Place } from './record.ts'
import { type Found, scanSegments } from './segments.ts'
import { type Grant, type Recovered, recover, type StoreId, type Voters } from './voters.ts'

/** What a store holds, as it lies there. */
export type Inspected = {
  /** Reads the store again, and shows each record up to its end as it was found. */
  show(onRecord: (record: JournalRecord) => void): Promise<void>
  /** Null: it has none that can be read, and would begin as another store. */
  readonly name: StoreId | null
  readonly promised: number
  readonly end: Place
  readonly voters: Voters | null
  readonly fault: Found['fault']
  /** That of record n at n - 1. */
  readonly hashes: readonly string[]
}

/** Reads all of a store in files and changes nothing; its owner may have it open. */
export async function inspectFolder(disk: Disk): Promise<Inspected> {
  const hashes: string[] = []
  const kept = await readKept(disk)
  const found = await scanSegments(disk, { last: kept?.cut ?? undefined, onRecord: ({ hash }) => hashes.push(hash) })
  const fault = (await isShort(disk, kept, found)) ? 'lost' : found.fault
  const { end, voters } = found
  const promised = kept?.promised ?? 0
  return {
    show: async (onRecord) => void (await scanSegments(disk, { last: end.seq, onRecord })),
    ...{ name: kept?.store ?? null, promised, end, voters: voters.newest(), fault, hashes },
  }
}

/** Up to which record two logs are one. What they have in common is at their beginning, since each hash covers all before it. */
export function agreement(one: readonly string[], other: readonly string[]): number {
  let [same, differs] = [0, Math.min(one.length, other.length) + 1]
  while (differs - same > 1) {
    const middle = (same + differs) >> 1
    if (one[middle - 1] === other[middle - 1]) same = middle
    else differs = middle
  }
  return same
}

/** Which of the stores, in their order, a leader would go on from; null where they are too few to know what was committed. */
export function recoverable(stores: readonly Inspected[]): Recovered | null {
  const grants = stores.map(({ name, end, voters, fault }): Grant | null => {
    return name === null || fault === 'lost' ? null : { store: name, end, voters }
  })
  const from = recover(grants)
  return from === null || from.voters === null ? null : from
}

/** Up to which record as many stores as it takes have what the given one has: all that was committed is among it. */
export function heldOf(stores: readonly Inspected[], { place, voters }: Recovered): number {
  const best = stores[place]?.hashes ?? []
  const writes = voters?.writes ?? stores.length
  const agreed = stores.map(({ name, hashes }, at) => (name === voters?.stores[at] ? agreement(best, hashes) : 0))
  return agreed.sort((a, b) => b - a)[writes - 1] ?? 0
}
