import { assert } from '../../kernel/assert.ts'
import type { Disk } from './disk.ts'
import { decodeFrame, decodeHeader, encodeFrame, FRAME_BYTES_MAX, frameBytesOf, SECTOR_BYTES } from './frame.ts'
import { type JournalRecord, type Place, placeOf, START } from './record.ts'
import { type Found, listSegments, type Span, scanSegments, segmentName } from './segments.ts'
import { type Append, type Appended, type JournalStore, missingOf, type Prepared, type Read } from './store.ts'
import { type StoreId, votersOf } from './voters.ts'

const SEGMENT_BYTES = 16 * 1024 * 1024
assert(SEGMENT_BYTES >= FRAME_BYTES_MAX, 'every record fits into a segment')

/** What a store knows of itself besides its records; replaced as a whole. `cut`: a cut behind this record was begun. */
export type Kept = { readonly store: StoreId; readonly promised: number; readonly cut: number | null }

const KEPT = 'store.json'

const READ_RECORDS_MAX = 1_000

export type FileStore = JournalStore & {
  /** `lost`: what lay there was not all that had been acknowledged; the rest was kept, under a new id that has no vote. */
  readonly opened: 'new' | 'whole' | 'torn' | 'lost'
  readonly id: StoreId
  close(): Promise<void>
}

/**
 * A journal in files: records one behind the other in segments of equal length that are made, zeros, before they are needed. An
 * append is answered once it is on the disk. A disk that has failed to write or to sync once is asked nothing more: what it
 * holds is only known after the folder was opened anew. One process at a time may have it open; its owner sees to that.
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
  const identity = {
    store: kept === null || hasLost ? newId() : kept.store,
    promised: kept?.promised ?? 0,
    cut: kept?.cut ?? null,
  }
  const store = new Segments(disk, segmentBytes, identity, found, opened)
  if (opened !== 'whole' || identity.cut !== null) await store.cutTo(found.end.seq)
  await store.writeLastAgain(found.lastWritten)
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

class Segments implements FileStore {
  readonly #disk: Disk
  readonly #segmentBytes: number
  readonly #voters: Found['voters']
  readonly #spans: Span[]
  readonly opened: FileStore['opened']
  #kept: Kept
  #end: Place
  #broken: Error | null = null
  #turn: Promise<unknown> = Promise.resolve()
  /** The next segment, in the making. */
  #ahead: Promise<void> | null = null

  constructor(disk: Disk, segmentBytes: number, kept: Kept, found: Found, opened: FileStore['opened']) {
    this.#disk = disk
    this.#segmentBytes = found.segmentBytes ?? segmentBytes
    this.#kept = kept
    this.#spans = found.spans
    this.#end = found.end
    this.#voters = found.voters
    this.opened = opened
  }

  get id(): StoreId {
    return this.#kept.store
  }

  prepare(epoch: number): Promise<Prepared> {
    return this.#inTurn(async () => {
      const { promised, store } = this.#kept
      if (epoch <= promised) return { kind: 'fenced', promised }
      await this.#keep({ promised: epoch })
      return { kind: 'granted', store, end: this.#end, voters: this.#voters.newest() }
    })
  }

  append(request: Append): Promise<Appended> {
    return this.#inTurn(async () => {
      const { epoch } = request
      if (epoch < this.#kept.promised) return { kind: 'fenced', promised: this.#kept.promised }
      if (epoch > this.#kept.promised) await this.#keep({ promised: epoch })
      const { store } = this.#kept
      const held = { end: this.#end, hashAt: (seq: number) => this.#hashAt(seq) }
      const missing = await missingOf(held, request)
      if (missing === null) return { kind: 'apart', store, end: this.#end.seq }
      if (missing.keep < this.#end.seq) await this.cutTo(missing.keep)
      await this.#write(missing.add)
      return { kind: 'stored', store }
    })
  }

  read(after: number, bytesMax: number): Promise<Read> {
    return this.#inTurn(async () => {
      const [first, ...others] = this.#spans.slice(after, after + READ_RECORDS_MAX)
      const { store } = this.#kept
      if (first === undefined) return { store, records: [] }
      let bytes = first.bytes
      for (const span of others) {
        const isOfOneSegment = span.at === first.at + bytes && this.#segmentOf(span) === this.#segmentOf(first)
        if (!isOfOneSegment || bytes + span.bytes > bytesMax) break
        bytes += span.bytes
      }
      return { store, records: this.#recordsIn(await this.#readSpan({ at: first.at, bytes })) }
    })
  }

  /** What is behind the record goes for good, whatever happens meanwhile. */
  async cutTo(keep: number): Promise<void> {
    await this.#ahead
    await this.#keep({ cut: keep })
    const from = this.#nextAt(keep)
    const index = Math.floor(from / this.#segmentBytes)
    for (const later of (await listSegments(this.#disk)).toReversed()) {
      if (later > index) await this.#disk.remove(segmentName(later))
      if (later === index) await this.#writeAt(from, Buffer.alloc(this.#segmentBytes * (index + 1) - from))
    }
    if (keep < this.#spans.length) this.#end = await this.#placeOf(keep)
    this.#spans.length = keep
    this.#voters.cut(keep)
    await this.#keep({ cut: null })
  }

  /**
   * What was written last and not acknowledged may lie in the system's memory alone, where a failed sync has left it as if it were on
   * the disk. Written again it is there before anybody counts on it.
   */
  async writeLastAgain(first: number): Promise<void> {
    const [begin, end] = [this.#spans[first - 1], this.#spans.at(-1)]
    if (begin === undefined || end === undefined) return
    const span = { at: begin.at, bytes: end.at + end.bytes - begin.at }
    await this.#writeAt(span.at, await this.#readSpan(span))
  }

  close(): Promise<void> {
    const closing = this.#turn.then(async () => {
      this.#broken ??= new Error('it was closed')
      await this.#ahead
      await this.#disk.close()
    })
    this.#turn = closing.catch(() => {})
    return closing
  }

  /** As many at a time as fit into one segment, in one write and one sync. */
  async #write(records: readonly JournalRecord[]): Promise<void> {
    for (let done = 0; done < records.length; ) {
      const first = records[done]
      assert(first !== undefined, 'there is a record left')
      let at = this.#nextAt(this.#spans.length)
      let room = this.#segmentBytes - (at % this.#segmentBytes)
      if (frameBytesOf(first) > room) {
        at += room
        room = this.#segmentBytes
      }
      await this.#segmentFor(at)
      const spans: Span[] = []
      let bytes = 0
      for (const record of records.slice(done)) {
        const length = frameBytesOf(record)
        if (bytes + length > room) break
        spans.push({ at: at + bytes, bytes: length })
        bytes += length
      }
      const frames = Buffer.alloc(bytes)
      const written = records.slice(done, done + spans.length)
      for (const [index, record] of written.entries()) {
        encodeFrame(frames, (spans[index]?.at ?? 0) - at, record, first.seq)
      }
      await this.#writeAt(at, frames)
      this.#hold(written, spans)
      done += spans.length
    }
  }

  #hold(records: readonly JournalRecord[], spans: readonly Span[]): void {
    this.#spans.push(...spans)
    for (const record of records) {
      this.#voters.add(record.seq, votersOf(record))
      this.#end = placeOf(record)
    }
  }

  /** Where the record after this one would lie. */
  #nextAt(seq: number): number {
    const span = this.#spans[seq - 1]
    return span === undefined ? 0 : span.at + span.bytes
  }

  #segmentOf(span: Span): number {
    return Math.floor(span.at / this.#segmentBytes)
  }

  /** Made before it is needed, while half of the last one is still free: a segment of zeros takes its time. */
  async #segmentFor(at: number): Promise<void> {
    const index = Math.floor(at / this.#segmentBytes)
    if (at % this.#segmentBytes === 0) {
      await this.#ahead
      this.#ahead = null
      await this.#makeSegment(index)
    } else if (this.#ahead === null && at % this.#segmentBytes >= this.#segmentBytes / 2) {
      this.#ahead = this.#makeSegment(index + 1).catch(() => {}) // there is no room: when it is needed it is tried again
    }
  }

  async #makeSegment(index: number): Promise<void> {
    if ((await listSegments(this.#disk)).includes(index)) return
    await this.#disk.create(segmentName(index), this.#segmentBytes)
  }

  /** On the disk when this returns; else the store has ended. */
  async #writeAt(at: number, bytes: Uint8Array): Promise<void> {
    const name = segmentName(Math.floor(at / this.#segmentBytes))
    await this.#orBroken(this.#disk.write(name, at % this.#segmentBytes, bytes))
    await this.#orBroken(this.#disk.sync(name))
  }

  async #keep(change: Partial<Kept>): Promise<void> {
    const kept = { ...this.#kept, ...change }
    await this.#orBroken(this.#disk.replace(KEPT, Buffer.from(JSON.stringify(kept))))
    this.#kept = kept
  }

  async #orBroken(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.#broken = error instanceof Error ? error : new Error(String(error))
      throw error
    }
  }

  async #readSpan({ at, bytes }: Span): Promise<Buffer> {
    const name = segmentName(Math.floor(at / this.#segmentBytes))
    return Buffer.from(await this.#disk.readAt(name, at % this.#segmentBytes, bytes))
  }

  #recordsIn(bytes: Buffer): JournalRecord[] {
    const records: JournalRecord[] = []
    for (let at = 0; at < bytes.length; ) {
      const frame = decodeFrame(bytes, at)
      if (frame.kind !== 'whole') {
        this.#broken = new Error('a record of the journal is spoilt')
        throw this.#broken
      }
      records.push(frame.record)
      at += frame.bytes
    }
    return records
  }

  async #placeOf(seq: number): Promise<Place> {
    const span = this.#spans[seq - 1]
    if (span === undefined) return START
    const header = decodeHeader(await this.#readSpan({ at: span.at, bytes: SECTOR_BYTES }), 0)
    if (header === null) {
      this.#broken = new Error(`record ${seq} of the journal is spoilt`)
      throw this.#broken
    }
    return header.record
  }

  async #hashAt(seq: number): Promise<string> {
    return (await this.#placeOf(seq)).hash
  }

  /** One call at a time, in their order. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(() => {
      if (this.#broken !== null) throw new Error('the store has ended', { cause: this.#broken })
      return work()
    })
    this.#turn = run.catch(() => {})
    return run
  }
}
