import { assert } from '../../kernel/assert.ts'
import type { Disk } from './disk.ts'
import { decodeFrame, decodeHeader, encodeFrame, frameBytesOf, SECTOR_BYTES } from './frame.ts'
import { type JournalRecord, type Place, placeOf, START } from './record.ts'
import { type Found, listSegments, type Span, segmentName } from './segments.ts'
import { type Voters, votersOf } from './voters.ts'

const READ_RECORDS_MAX = 1_000

/**
 * Records one behind the other in segments of equal length, which are made, as zeros, before they are needed. One call at a time,
 * but for `close`.
 */
export class SegmentLog {
  readonly #disk: Disk
  readonly #segmentBytes: number
  readonly #voters: Found['voters']
  readonly #spans: Span[]
  #end: Place
  #failure: Error | null = null
  /** The next segment, in the making. */
  #ahead: Promise<void> | null = null

  /** `segmentBytes`: where there is no segment yet. */
  constructor(disk: Disk, segmentBytes: number, found: Found) {
    this.#disk = disk
    this.#segmentBytes = found.segmentBytes ?? segmentBytes
    this.#spans = found.spans
    this.#end = found.end
    this.#voters = found.voters
  }

  /** Why nothing may be asked of the disk any more: a write, a sync or a record has failed. */
  get failure(): Error | null {
    return this.#failure
  }

  get end(): Place {
    return this.#end
  }

  /** The newest list of voters. */
  get voters(): Voters | null {
    return this.#voters.newest()
  }

  /** They are on the disk when this returns: as many at a time as fit into one segment, in one write and one sync. */
  async append(records: readonly JournalRecord[]): Promise<void> {
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

  /** What lies behind the record is zeros when this returns. Interrupted, it is to be done again before anything else. */
  async cut(keep: number): Promise<void> {
    const from = this.#nextAt(keep)
    const index = Math.floor(from / this.#segmentBytes)
    for (const later of (await listSegments(this.#disk)).toReversed()) {
      if (later > index) await this.#disk.remove(segmentName(later))
      if (later === index) await this.#writeAt(from, Buffer.alloc(this.#segmentBytes * (index + 1) - from))
    }
    if (keep < this.#spans.length) this.#end = await this.#placeOf(keep)
    this.#spans.length = keep
    this.#voters.cut(keep)
  }

  /** The records after a number, of one segment. @throws Error if one is spoilt */
  async read(after: number, bytesMax: number): Promise<readonly JournalRecord[]> {
    const [first, ...others] = this.#spans.slice(after, after + READ_RECORDS_MAX)
    if (first === undefined) return []
    let bytes = first.bytes
    for (const span of others) {
      const isOfOneSegment = span.at === first.at + bytes && this.#segmentOf(span) === this.#segmentOf(first)
      if (!isOfOneSegment || bytes + span.bytes > bytesMax) break
      bytes += span.bytes
    }
    return this.#recordsIn(await this.#readSpan({ at: first.at, bytes }))
  }

  async hashAt(seq: number): Promise<string> {
    return (await this.#placeOf(seq)).hash
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

  /** What was begun beside everything else has ended. */
  async settled(): Promise<void> {
    await this.#ahead
  }

  /** Once this has failed, nothing more may be asked of the disk: what it holds is known only after it was read anew. */
  async orFail(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      throw error
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

  /** On the disk when this returns; else the log has failed. */
  async #writeAt(at: number, bytes: Uint8Array): Promise<void> {
    const name = segmentName(Math.floor(at / this.#segmentBytes))
    await this.orFail(this.#disk.write(name, at % this.#segmentBytes, bytes))
    await this.orFail(this.#disk.sync(name))
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
        this.#failure = new Error('a record of the journal is spoilt')
        throw this.#failure
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
      this.#failure = new Error(`record ${seq} of the journal is spoilt`)
      throw this.#failure
    }
    return header.record
  }
}
