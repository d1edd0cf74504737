import type { JournalRecord, Place } from './record.ts'
import type { Grant, StoreId, Voters } from './voters.ts'

/** A leader of this epoch was promised to: whoever has an older one is answered nothing else. */
export type Fenced = { readonly kind: 'fenced'; readonly promised: number }

export type Prepared = ({ readonly kind: 'granted' } & Grant) | Fenced

export type Append = {
  readonly epoch: number
  /** Behind which of its records these belong. */
  readonly after: Place
  /** May be none: then the store only says whether its log comes that far. */
  readonly records: readonly JournalRecord[]
}

export type Appended =
  /** They lie on the disk, and so does all that is before them. */
  | { readonly kind: 'stored'; readonly store: StoreId }
  /** Its log, which ends at `end`, has no such place. Nothing was changed. */
  | { readonly kind: 'apart'; readonly store: StoreId; readonly end: number }
  | Fenced

/** The name says whether it is still the store that one has known. */
export type Read = { readonly store: StoreId; readonly records: readonly JournalRecord[] }

/**
 * One place where the journal is kept. Each call is carried out as a whole and on the disk before it is answered; what throws
 * may have been carried out or not.
 */
export interface JournalStore {
  /** Promises to hear no leader of an older epoch any more, unless one as new or newer was promised to. */
  prepare(epoch: number): Promise<Prepared>
  /** Adds what is missing of the records. What the store has in their place goes, with all behind it; what is the same stays. */
  append(request: Append): Promise<Appended>
  /** The records after a number, as many as fit into so many bytes, one at least; none at the end. @throws Error if spoilt */
  read(after: number, bytesMax: number): Promise<Read>
}

/** A log as far as `append` has to know it. */
type Held = { readonly end: Place; hashAt(seq: number): Promise<string> }

/**
 * What of the request a store lacks, and after which record its own log goes; null: the request belongs nowhere in it.
 * @throws Error where all of its log would have to go
 */
export async function missingOf(
  held: Held,
  { after, records }: Append,
): Promise<{ readonly keep: number; readonly add: readonly JournalRecord[] } | null> {
  const { end } = held
  if (after.seq > end.seq || (await hashOfHeld(held, after.seq)) !== after.hash) return null
  let same = 0
  for (const record of records) {
    if (record.seq > end.seq || (await hashOfHeld(held, record.seq)) !== record.hash) break
    same++
  }
  const add = records.slice(same)
  // The first record of a journal is made once all its stores have said that they have none: another one is another journal's.
  if (after.seq + same === 0 && add.length > 0 && end.seq > 0)
    throw new Error('the store has records of another journal')
  return { keep: add.length === 0 ? end.seq : after.seq + same, add }
}

async function hashOfHeld(held: Held, seq: number): Promise<string> {
  return seq === held.end.seq ? held.end.hash : held.hashAt(seq)
}

export type VotersAt = { readonly seq: number; readonly voters: Voters }

/** The `voters` records of a log, so that the newest is known without reading it, cuts included. */
export class VotersOf {
  readonly #found: VotersAt[]

  constructor(found: readonly VotersAt[] = []) {
    this.#found = [...found]
  }

  all(): readonly VotersAt[] {
    return [...this.#found]
  }

  add(seq: number, voters: Voters | null): void {
    if (voters !== null) this.#found.push({ seq, voters })
  }

  cut(keep: number): void {
    while ((this.#found.at(-1)?.seq ?? 0) > keep) this.#found.pop()
  }

  newest(): Voters | null {
    return this.#found.at(-1)?.voters ?? null
  }
}
