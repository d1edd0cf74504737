import { assert } from '../../kernel/assert.ts'
import { followsOn, type JournalRecord, type Place, placeOf, type RecordKind, recordAfter, START } from './record.ts'

/** A store, and how far its log is known to be the leader's. */
export type Source = {
  readonly matched: number
  read(after: number, bytesMax: number): Promise<readonly JournalRecord[]>
}

type IsSound = (records: readonly JournalRecord[]) => boolean

const TAIL_CHARACTERS_MAX = 32 * 1024 * 1024

/** A leader's log: what it appended itself in memory, as far as there is room; what is older is read from a store that has it. */
export class LeaderLog {
  readonly #epoch: number
  readonly #sources: () => readonly Source[]
  readonly #tail: JournalRecord[] = []
  #characters = 0
  #end: Place

  constructor(epoch: number, end: Place, sources: () => readonly Source[]) {
    this.#epoch = epoch
    this.#end = end
    this.#sources = sources
  }

  get end(): Place {
    return this.#end
  }

  append(kind: RecordKind, body: string): JournalRecord {
    const record = recordAfter(this.#end, this.#epoch, kind, body)
    this.#tail.push(record)
    this.#characters += body.length
    this.#end = placeOf(record)
    return record
  }

  /** Forgets the oldest that are committed, when there are too many to remember. */
  trim(committed: number): void {
    let count = 0
    for (const { seq, body } of this.#tail) {
      if (this.#characters <= TAIL_CHARACTERS_MAX || seq > committed) break
      this.#characters -= body.length
      count++
    }
    this.#tail.splice(0, count)
  }

  /** The records behind a place of this log, as many as fit, one at least; none at its end. @throws Error if no store has them */
  async after(place: Place, bytesMax: number): Promise<readonly JournalRecord[]> {
    if (place.seq >= this.#end.seq) return []
    const first = this.#tail[0]?.seq ?? this.#end.seq + 1
    if (place.seq + 1 < first) return this.#readFrom(place.seq, bytesMax, (records) => followsOn(place, records))
    const records: JournalRecord[] = []
    let characters = 0
    for (let index = place.seq + 1 - first; index < this.#tail.length; index++) {
      const record = this.#tail[index] as JournalRecord
      characters += record.body.length
      if (records.length > 0 && characters > bytesMax) break
      records.push(record)
    }
    return records
  }

  /** @throws Error if no store has the record */
  async placeAt(seq: number): Promise<Place> {
    if (seq === 0) return START
    if (seq === this.#end.seq) return this.#end
    const known = this.#tail[seq - (this.#tail[0]?.seq ?? 0)]
    if (known !== undefined && known.seq === seq) return placeOf(known)
    const [record] = await this.#readFrom(seq - 1, 1, ([first]) => {
      return first !== undefined && followsOn({ seq: seq - 1, epoch: 0, hash: first.previous }, [first])
    })
    assert(record !== undefined, 'a store that has not the record is not the one that is read')
    return placeOf(record)
  }

  /**
   * Of several stores that have it the first that tells it as it was hashed: one may have lost or spoilt it and not know. What a
   * store has beyond what is known of it may be another leader's.
   */
  async #readFrom(after: number, bytesMax: number, isSound: IsSound): Promise<readonly JournalRecord[]> {
    let failure: unknown
    for (const source of this.#sources()) {
      const { matched } = source
      if (matched <= after) continue
      try {
        const records = (await source.read(after, bytesMax)).filter(({ seq }) => seq <= matched)
        if (records.length > 0 && isSound(records)) return records
        failure = new Error('a store has it no more, or not as it was hashed')
      } catch (error) {
        failure = error
      }
    }
    throw new Error(`no store has record ${after + 1}`, { cause: failure })
  }
}
