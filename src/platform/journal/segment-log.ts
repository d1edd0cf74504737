import { assert } from '../../kernel/assert.ts'
import type { Disk } from './disk.ts'
import { decodeFrame, decodeHeader, encodeFrame, frameBytesOf, SECTOR_BYTES } from './frame.ts'
import { type JournalRecord, type Place, placeOf, START } from './record.ts'
import {
  type Found,
  listSegments,
  type Sealed,
  type Segment,
  type Span,
  sealedAt,
  segmentName,
  spansIn,
} from './segments.ts'
import { type Voters, votersOf } from './voters.ts'

const READ_RECORDS_MAX = 1_000
/** Of so many segments besides the last it is known where each record lies. */
const SEGMENTS_KNOWN_MAX = 4
/** Too many files are open, or there is too little memory. */
const OF_THE_PROCESS = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'])

/** A record was whole once, and is no more, or can not be read. */
export class Spoilt extends Error {}

/**
 * Records one behind the other in segments of equal length, which are made, as zeros, before they are needed. One call at a time,
 * but for `close`.
 */
export class SegmentLog {
  readonly #disk: Disk
  readonly #segmentBytes: number
  readonly #voters: Found['voters']
  readonly #segments: Segment[]
  /** Those before the last of which the spans are known, the one that was asked for last at the end. */
  #known: number[] = []
  #next: Found['next']
  #end: Place
  #sealed: Sealed | null
  #failure: Error | null = null
  /** The next segment, in the making. */
  #ahead: Promise<void> | null = null

  /** `segmentBytes`: where there is no segment yet. */
  constructor(disk: Disk, segmentBytes: number, found: Found) {
    this.#disk = disk
    this.#segmentBytes = found.segmentBytes ?? segmentBytes
    this.#segments = found.segments
    this.#next = found.next
    this.#end = found.end
    this.#sealed = found.sealed
    this.#voters = found.voters
  }

  /** Why nothing may be asked of the disk any more: a write, a sync or a record has failed. */
  get failure(): Error | null {
    return this.#failure
  }

  get end(): Place {
    return this.#end
  }

  /** What the segments before the last one hold; null: there is none, or what they hold was cut. */
  get sealed(): Sealed | null {
    return this.#sealed
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
      const fits = this.#next.at + frameBytesOf(first) <= this.#segmentBytes
      const { index, at } = fits ? this.#next : { index: this.#next.index + 1, at: 0 }
      await this.#segmentFor(index, at)
      const spans: Span[] = []
      let end = at
      for (const record of records.slice(done)) {
        const bytes = frameBytesOf(record)
        if (end + bytes > this.#segmentBytes) break
        spans.push({ at: end, bytes })
        end += bytes
      }
      const frames = Buffer.alloc(end - at)
      const written = records.slice(done, done + spans.length)
      for (const [nth, record] of written.entries()) encodeFrame(frames, (spans[nth]?.at ?? 0) - at, record, first.seq)
      await this.#writeAt(index, at, frames)
      this.#hold(written, index, spans)
      done += spans.length
    }
  }

  /** What lies behind the record is zeros when this returns. Interrupted, it is to be done again before anything else. */
  async cut(keep: number): Promise<void> {
    const { index, at } = await this.#behind(keep)
    for (const later of (await listSegments(this.#disk)).toReversed()) {
      if (later > index) await this.#disk.remove(segmentName(later))
      if (later === index) await this.#writeAt(index, at, Buffer.alloc(this.#segmentBytes - at))
    }
    if (keep < this.#end.seq) this.#end = await this.#placeOf(keep)
    this.#segments.length = keep === 0 ? 0 : index + 1
    this.#known = this.#known.filter((known) => known < index)
    const last = this.#segments.at(-1)
    if (last?.spans) last.spans.length = keep + 1 - last.first
    this.#next = { index, at }
    this.#voters.cut(keep)
    if (this.#sealed !== null && this.#sealed.end.seq >= keep) this.#sealed = null
  }

  /** The records after a number, of one segment. @throws Error if one is spoilt */
  async read(after: number, bytesMax: number): Promise<readonly JournalRecord[]> {
    if (after >= this.#end.seq) return []
    const { index, from, spans } = await this.#locate(after + 1)
    const [first, ...others] = spans.slice(from, from + READ_RECORDS_MAX)
    assert(first !== undefined, 'a record that is there lies somewhere')
    let { bytes } = first
    for (const span of others) {
      if (bytes + span.bytes > bytesMax) break
      bytes += span.bytes
    }
    return this.#recordsIn(await this.#readSpan(index, { at: first.at, bytes }))
  }

  async hashAt(seq: number): Promise<string> {
    return (await this.#placeOf(seq)).hash
  }

  /**
   * What was written last and not acknowledged may lie in the system's memory alone, where a failed sync has left it as if it were on
   * the disk. Written again it is there before anybody counts on it.
   */
  async writeLastAgain(first: number): Promise<void> {
    if (first === 0 || first > this.#end.seq) return
    const { index, from, spans } = await this.#locate(first)
    const [begin, end] = [spans[from], spans.at(-1)]
    assert(begin !== undefined && end !== undefined, 'what was written last lies in the last segment')
    const span = { at: begin.at, bytes: end.at + end.bytes - begin.at }
    await this.#writeAt(index, span.at, await this.#readSpan(index, span))
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

  #hold(records: readonly JournalRecord[], index: number, spans: readonly Span[]): void {
    if (index === this.#segments.length) {
      if (this.#segments.at(-1)?.spans) this.#know(index - 1)
      this.#sealed = sealedAt(index, this.#end, this.#voters)
      this.#segments.push({ first: this.#end.seq + 1, spans: [] })
    }
    this.#segments[index]?.spans?.push(...spans)
    const last = spans.at(-1) ?? { at: 0, bytes: 0 }
    this.#next = { index, at: last.at + last.bytes }
    for (const record of records) {
      this.#voters.add(record.seq, votersOf(record))
      this.#end = placeOf(record)
    }
  }

  /** Where the record after this one would lie. */
  async #behind(seq: number): Promise<Found['next']> {
    if (seq === this.#end.seq && this.#segments.at(-1)?.spans) return this.#next
    if (seq === 0) return { index: 0, at: 0 }
    const { index, from, spans } = await this.#locate(seq)
    const span = spans[from]
    assert(span !== undefined, 'a record that is there lies somewhere')
    return { index, at: span.at + span.bytes }
  }

  /** In which segment a record lies, and at which place of its spans. */
  async #locate(
    seq: number,
  ): Promise<{ readonly index: number; readonly from: number; readonly spans: readonly Span[] }> {
    const index = this.#segments.findLastIndex(({ first }) => first <= seq)
    const segment = this.#segments[index]
    assert(segment !== undefined, 'a record that is there lies in a segment')
    segment.spans ??= await this.#spansOf(index, segment.first)
    if (index < this.#segments.length - 1) this.#know(index)
    return { index, from: seq - segment.first, spans: segment.spans }
  }

  async #spansOf(index: number, first: number): Promise<Span[]> {
    const bytes = await this.#disk.read(segmentName(index)).catch((error) => this.#unread(index, error))
    const last = (this.#segments[index + 1]?.first ?? this.#end.seq + 1) - 1
    return spansIn(Buffer.from(bytes ?? []), first, last) ?? this.#spoilt(`a record of segment ${index}`)
  }

  #know(index: number): void {
    this.#known = [...this.#known.filter((known) => known !== index), index]
    if (this.#known.length <= SEGMENTS_KNOWN_MAX) return
    const oldest = this.#segments[this.#known.shift() ?? index]
    if (oldest !== undefined) oldest.spans = null
  }

  /** Made before it is needed, while half of the last one is still free: a segment of zeros takes its time. */
  async #segmentFor(index: number, at: number): Promise<void> {
    if (at === 0) {
      await this.#ahead
      this.#ahead = null
      await this.#makeSegment(index)
    } else if (this.#ahead === null && at >= this.#segmentBytes / 2) {
      this.#ahead = this.#makeSegment(index + 1).catch(() => {}) // there is no room: when it is needed it is tried again
    }
  }

  async #makeSegment(index: number): Promise<void> {
    if ((await listSegments(this.#disk)).includes(index)) return
    await this.#disk.create(segmentName(index), this.#segmentBytes)
  }

  /** On the disk when this returns; else the log has failed. */
  async #writeAt(index: number, at: number, bytes: Uint8Array): Promise<void> {
    const name = segmentName(index)
    await this.orFail(this.#disk.write(name, at, bytes))
    await this.orFail(this.#disk.sync(name))
  }

  async #readSpan(index: number, { at, bytes }: Span): Promise<Buffer> {
    const read = this.#disk.readAt(segmentName(index), at, bytes)
    return Buffer.from(await read.catch((error) => this.#unread(index, error)))
  }

  #recordsIn(bytes: Buffer): JournalRecord[] {
    const records: JournalRecord[] = []
    for (let at = 0; at < bytes.length; ) {
      const frame = decodeFrame(bytes, at)
      if (frame.kind !== 'whole') return this.#spoilt('a record')
      records.push(frame.record)
      at += frame.bytes
    }
    return records
  }

  async #placeOf(seq: number): Promise<Place> {
    if (seq === 0) return START
    const { index, from, spans } = await this.#locate(seq)
    const header = decodeHeader(await this.#readSpan(index, { at: spans[from]?.at ?? 0, bytes: SECTOR_BYTES }), 0)
    return header === null ? this.#spoilt(`record ${seq}`) : placeOf(header.record)
  }

  /** Where the process lacks what it takes to read, nothing is known of the segment. */
  #unread(index: number, error: unknown): never {
    if (error instanceof Error && 'code' in error && OF_THE_PROCESS.has(String(error.code))) throw error
    return this.#spoilt(`segment ${index}`, error)
  }

  #spoilt(what: string, cause?: unknown): never {
    this.#failure = new Spoilt(`${what} of the journal is spoilt`, { cause })
    throw this.#failure
  }
}
