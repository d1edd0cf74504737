import { assert } from '../../kernel/assert.ts'
import { sha256 } from '../../kernel/canonical-json.ts'
import type { Disk } from './disk.ts'
import { FRAME_BYTES_MAX } from './frame.ts'
import { SegmentLog, Spoilt } from './segment-log.ts'
import { type Found, findRecords, listSegments, type Sealed } from './segments.ts'
import { type Append, type Appended, type JournalStore, missingOf, type Prepared, type Read } from './store.ts'
import type { StoreId } from './voters.ts'

const SEGMENT_BYTES = 16 * 1024 * 1024
assert(SEGMENT_BYTES >= FRAME_BYTES_MAX, 'every record fits into a segment')

/** What a store knows of itself besides its records; replaced as a whole. `cut`: a cut behind this record was begun. */
export type Kept = {
  readonly store: StoreId
  readonly promised: number
  readonly cut: number | null
  readonly sealed: Sealed | null
}

const KEPT = 'store.json'

export type FileStore = JournalStore & {
  /** `lost`: what lay there was not all that had been acknowledged; the rest was kept, under a new id that has no vote. */
  readonly opened: 'new' | 'whole' | 'torn' | 'lost'
  readonly id: StoreId
  /** Why it answers nothing more until it is opened anew; null while it does. */
  readonly failure: Error | null
  close(): Promise<void>
}

/**
 * A journal in files. An append is answered once it is on the disk. A disk that has failed to write or to sync once is asked
 * nothing more: what it holds is only known after the folder was opened anew. One process at a time may have it open; its owner
 * sees to that.
 */
export async function openFileStore(
  disk: Disk,
  { newId, segmentBytes = SEGMENT_BYTES }: { newId: () => StoreId; segmentBytes?: number },
): Promise<FileStore> {
  for (const name of await disk.list()) if (name.endsWith('.draft')) await disk.remove(name) // of a write that died
  const kept = await readKept(disk)
  const found = await findRecords(disk, kept?.sealed ?? null, kept?.cut ?? undefined)
  const isWithoutPromise = kept === null && (await listSegments(disk)).length > 0
  const hasLost = found.fault === 'lost' || isWithoutPromise || (await isShort(disk, kept, found))
  const opened = hasLost ? 'lost' : kept === null ? 'new' : found.fault === 'torn' ? 'torn' : 'whole'
  const voters = found.voters.newest() ?? kept?.sealed?.voters.at(-1)?.voters
  if (hasLost && voters?.stores.length === 1) {
    const what = kept === null ? 'its promise' : `what was behind record ${found.end.seq}`
    throw new Error(`the journal's only store has lost ${what}: it is left as it lies`)
  }
  const identity = {
    store: kept === null || hasLost ? newId() : kept.store,
    promised: kept?.promised ?? 0,
    cut: kept?.cut ?? null,
    sealed: kept?.sealed ?? null,
  }
  const log = new SegmentLog(disk, segmentBytes, found)
  const store = new Files(disk, identity, log, opened)
  if (opened !== 'whole' || identity.cut !== null) await store.cut(found.end.seq)
  await log.writeLastAgain(found.lastWritten)
  await store.seal()
  return store
}

/** Whether the log ends before what is known to have been in it, whatever lies behind. */
export async function isShort(disk: Disk, kept: Kept | null, { end }: Pick<Found, 'end'>): Promise<boolean> {
  const { cut, sealed } = kept ?? { cut: null, sealed: null }
  if (end.seq < Math.max(cut ?? 0, sealed?.end.seq ?? 0)) return true
  return sealed !== null && !(await listSegments(disk)).includes(sealed.segments)
}

/** Null: there is none, or none to be read. */
export async function readKept(disk: Disk): Promise<Kept | null> {
  const bytes = await disk.read(KEPT)
  if (bytes === null) return null
  try {
    const { hash, ...kept } = JSON.parse(Buffer.from(bytes).toString()) as Kept & { hash?: string }
    if (typeof kept.store !== 'string' || !Number.isSafeInteger(kept.promised)) return null
    if (hash !== undefined && hash !== sha256(JSON.stringify(kept))) return null
    return { ...kept, sealed: kept.sealed ?? null }
  } catch {
    return null
  }
}

function textOf(kept: Kept): Buffer {
  return Buffer.from(JSON.stringify({ ...kept, hash: sha256(JSON.stringify(kept)) }))
}

class Files implements FileStore {
  readonly opened: FileStore['opened']
  readonly #disk: Disk
  readonly #log: SegmentLog
  #kept: Kept
  #isClosed = false
  #turn: Promise<unknown> = Promise.resolve()

  constructor(disk: Disk, kept: Kept, log: SegmentLog, opened: FileStore['opened']) {
    this.#disk = disk
    this.#kept = kept
    this.#log = log
    this.opened = opened
  }

  get id(): StoreId {
    return this.#kept.store
  }

  get failure(): Error | null {
    return this.#log.failure
  }

  prepare(epoch: number): Promise<Prepared> {
    return this.#inTurn(async () => {
      const { promised, store } = this.#kept
      if (epoch <= promised) return { kind: 'fenced', promised }
      await this.#keep({ promised: epoch })
      return { kind: 'granted', store, end: this.#log.end, voters: this.#log.voters }
    })
  }

  append(request: Append): Promise<Appended> {
    return this.#inTurn(async () => {
      const { epoch } = request
      if (epoch < this.#kept.promised) return { kind: 'fenced', promised: this.#kept.promised }
      if (epoch > this.#kept.promised) await this.#keep({ promised: epoch })
      const { store } = this.#kept
      const missing = await missingOf(this.#log, request)
      if (missing === null) return { kind: 'apart', store, end: this.#log.end.seq }
      if (missing.keep < this.#log.end.seq) await this.cut(missing.keep)
      await this.#log.append(missing.add)
      await this.seal()
      return { kind: 'stored', store }
    })
  }

  read(after: number, bytesMax: number): Promise<Read> {
    return this.#inTurn(async () => {
      const { store } = this.#kept
      return { store, records: await this.#log.read(after, bytesMax) }
    })
  }

  /** What is behind the record goes for good, whatever happens meanwhile. */
  async cut(keep: number): Promise<void> {
    await this.#log.settled()
    const { sealed } = this.#kept
    await this.#keep({ cut: keep, sealed: sealed !== null && sealed.end.seq < keep ? sealed : null })
    await this.#log.cut(keep)
    await this.#keep({ cut: null })
  }

  /** Keeps what the segments before the last one hold, once there is another one. */
  async seal(): Promise<void> {
    const { sealed } = this.#log
    if ((sealed?.segments ?? 0) > (this.#kept.sealed?.segments ?? 0)) await this.#keep({ sealed })
  }

  close(): Promise<void> {
    const closing = this.#turn.then(async () => {
      this.#isClosed = true
      await this.#log.settled()
      await this.#disk.close()
    })
    this.#turn = closing.catch(() => {})
    return closing
  }

  async #keep(change: Partial<Kept>): Promise<void> {
    const kept = { ...this.#kept, ...change }
    await this.#log.orFail(this.#disk.replace(KEPT, textOf(kept)))
    this.#kept = kept
  }

  /** One call at a time, in their order. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(async () => {
      const { failure } = this.#log
      if (this.#isClosed || failure !== null) throw new Error('the store has ended', { cause: failure })
      try {
        return await work()
      } catch (error) {
        if (this.#log.failure instanceof Spoilt) await this.#doubt()
        throw error
      }
    })
    this.#turn = run.catch(() => {})
    return run
  }

  /** When it is opened anew, all segments are to be read. */
  async #doubt(): Promise<void> {
    if (this.#kept.sealed !== null)
      await this.#disk.replace(KEPT, textOf({ ...this.#kept, sealed: null })).catch(() => {})
  }
}
