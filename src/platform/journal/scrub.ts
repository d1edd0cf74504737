import { followsOn, type Place, placeOf, START } from './record.ts'
import type { JournalStore } from './store.ts'

export type Scrubbed = {
  /** Up to this record the store has what the leader has. */
  readonly read: number
  readonly of: number
  /** What is wrong with the next one; null: nothing, so far. */
  readonly fault: string | null
  readonly isOver: boolean
}

/** What is read at once, when it is to be done soon. */
const READ_BYTES = 4 * 1024 * 1024

/**
 * Reads all that a store has between two places of the leader's log, and compares it by its hashes: each covers all before it, so that one
 * at the end is enough to tell. A folder that finds a record spoilt ends, and is opened as another store, which is filled anew.
 */
export async function* scrub(
  store: Pick<JournalStore, 'read'>,
  end: Place,
  from = START,
  readBytes = READ_BYTES,
): AsyncGenerator<Scrubbed, void> {
  let place = from
  const found = (fault: string | null, isOver: boolean): Scrubbed => ({ read: place.seq, of: end.seq, fault, isOver })
  while (place.seq < end.seq) {
    yield found(null, false)
    try {
      const { records } = await store.read(place.seq, readBytes)
      if (records.length === 0) return yield found('it ends there', true)
      const known = records.filter(({ seq }) => seq <= end.seq)
      if (!followsOn(place, known)) return yield found('a record is not as it was hashed', true)
      place = placeOf(known.at(-1) ?? place)
    } catch (error) {
      return yield found(error instanceof Error ? error.message : String(error), true)
    }
  }
  yield found(place.hash === end.hash ? null : 'another record is there', true)
}
