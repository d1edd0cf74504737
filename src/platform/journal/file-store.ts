import { assert } from '../../kernel/assert.ts'
import type { Disk } from './disk.ts'
import { FRAME_BYTES_MAX } from './frame.ts'
import { SegmentLog } from './segment-log.ts'
import { listSegments, scanSegments } from './segments.ts'
import { type Append, type Appended, type JournalStore, missingOf, type Prepared, type Read } from './store.ts'
import type { StoreId } from './voters.ts'

const SEGMENT_BYTES = 16 * 1024 * 1024
assert(SEGMENT_BYTES >= FRAME_BYTES_MAX, 'every record fits into a segment')

/** What a store knows of itself besides its records; replaced as a whole. `cut`: a cut behind this record was begun. */
export type Kept = { readonly store: StoreId; readonly promised: number; readonly cut: number | null }

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
  const found = await scanSegments(disk, kept?.cut ?? undefined)
  const isShort = kept?.cut != null && found.end.seq < kept.cut
  const hasLost = found.fault === 'lost' || isShort || (kept === null && (await listSegments(disk)).length > 0)
  const opened = hasLost ? 'lost' : kept === null ? 'new' : found.fault === 'torn' ? 'torn' : 'whole'
  if (hasLost && found.voters.newest()?.stores.length === 1) {
    throw new Error(`the journal's only store has lost what was behind record ${found.end.seq}: it is left as it lies`)
  }
  const identity = {
    store: kept === null || hasLost ? newId() : kept.store,
    promised: kept?.promised ?? 0,
    cut: kept?.cut ?? null,
  }
  const log = new SegmentLog(disk, segmentBytes, found)
  const store = new Files(disk, identity, log, opened)
  if (opened !== 'whole' || identity.cut !== null) await store.cut(found.end.seq)
  await log.writeLastAgain(found.lastWritten)
  return store
}

/** Null: there is none, or none to be read. */
export async function readKept(disk: Disk): Promise<Kept | null> {
  const bytes = await disk.read(KEPT)
  if (bytes === null) return null
  try {
    const kept = JSON.parse(Buffer.from(bytes).toString()) as Kept
    return typeof kept.store === 'string' && Number.isSafeInteger(kept.promised) ? kept : null
  } catch {
    return null
  }
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
    await this.#keep({ cut: keep })
    await this.#log.cut(keep)
    await this.#keep({ cut: null })
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
    await this.#log.orFail(this.#disk.replace(KEPT, Buffer.from(JSON.stringify(kept))))
    this.#kept = kept
  }

  /** One call at a time, in their order. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(() => {
      const { failure } = this.#log
      if (this.#isClosed || failure !== null) throw new Error('the store has ended', { cause: failure })
      return work()
    })
    this.#turn = run.catch(() => {})
    return run
  }
}
