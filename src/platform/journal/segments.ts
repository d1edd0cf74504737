import type { Disk } from './disk.ts'
import { decodeFrame, decodeHeader, isZero, SECTOR_BYTES } from './frame.ts'
import { type JournalRecord, type Place, placeOf, START } from './record.ts'
import { type VotersAt, VotersOf } from './store.ts'
import { votersOf } from './voters.ts'

/** Where a frame lies in its segment. */
export type Span = { readonly at: number; readonly bytes: number }

/** A segment that holds records: the number of its first, and where each lies, while that is known. */
export type Segment = { readonly first: number; spans: Span[] | null }

/** What the segments before the last one hold, as it was when the last one was begun: they need not be read to open a store. */
export type Sealed = {
  readonly segments: number
  readonly end: Place
  readonly voters: readonly VotersAt[]
}

/** What the segments of a folder hold. */
export type Found = {
  /** Those with records. Of the last one the spans are known, if it was read. */
  readonly segments: Segment[]
  readonly end: Place
  /** Behind the end, in the segment with this index. */
  readonly next: { readonly index: number; readonly at: number }
  readonly sealed: Sealed | null
  /** How long each segment is; null where there is none. */
  readonly segmentBytes: number | null
  /** The first record of those that were written last, together; 0 when none was read. */
  readonly lastWritten: number
  readonly voters: VotersOf
  /**
   * Behind the end there is `nothing`; what was not written to its end and never acknowledged (`torn`); or records were on the
   * disk and are no more (`lost`).
   */
  readonly fault: 'nothing' | 'torn' | 'lost'
}

const NAME = /^(\d{8})\.segment$/

export const segmentName = (index: number): string => `${String(index).padStart(8, '0')}.segment`

/** The indexes of the segments that are there, in their order. */
export async function listSegments(disk: Disk): Promise<readonly number[]> {
  const indexes = (await disk.list()).flatMap((name) => NAME.exec(name)?.[1] ?? [])
  return indexes.map(Number).sort((a, b) => a - b)
}

type Options = {
  /** The record to stop at. */
  readonly last?: number | undefined
  readonly onRecord?: (record: JournalRecord) => void
  /** What is not read, and the number of the first record of each of these segments. */
  readonly behind?: { readonly sealed: Sealed; readonly firsts: readonly number[] } | null
}

/** Reads all segments up to the first record that is not whole, or to the record `last`, and shows each. Changes nothing. */
export async function scanSegments(
  disk: Disk,
  { last = Number.POSITIVE_INFINITY, onRecord = () => {}, behind = null }: Options = {},
): Promise<Found> {
  const found = {
    ...{ segments: (behind?.firsts ?? []).map((first): Segment => ({ first, spans: null })), lastWritten: 0 },
    ...{ end: behind?.sealed.end ?? START, next: { index: behind?.sealed.segments ?? 0, at: 0 } },
    ...{ voters: new VotersOf(behind?.sealed.voters), sealed: behind?.sealed ?? null },
    segmentBytes: null as number | null,
  }
  let fault: Found['fault'] = 'nothing'
  for (const [order, index] of (await listSegments(disk)).entries()) {
    if (order !== index) return { ...found, fault: 'lost' }
    if (index < (behind?.sealed.segments ?? 0)) continue
    const bytes = await readSegment(disk, index)
    if (bytes === null) return { ...found, fault: 'lost' }
    found.segmentBytes ??= bytes.length
    if (bytes.length !== found.segmentBytes) return { ...found, fault: 'lost' }
    let at = 0
    while (fault === 'nothing' && found.end.seq < last) {
      const frame = decodeFrame(bytes, at)
      if (frame.kind === 'spoilt') return { ...found, fault: 'lost' }
      if (frame.kind !== 'whole') break
      const { seq, previous } = frame.record
      if (seq !== found.end.seq + 1 || previous !== found.end.hash) return { ...found, fault: 'lost' }
      if (at === 0) {
        found.sealed = sealedAt(index, found.end, found.voters)
        forgetSpans(found.segments.at(-1))
        found.segments.push({ first: seq, spans: [] })
      }
      found.segments.at(-1)?.spans?.push({ at, bytes: frame.bytes })
      at += frame.bytes
      found.next = { index, at }
      found.end = placeOf(frame.record)
      onRecord(frame.record)
      found.lastWritten = frame.first
      found.voters.add(seq, votersOf(frame.record))
    }
    if (found.end.seq === last) break
    const rest = restOf(bytes, at, found.end.seq + 1)
    if (rest === 'later') return { ...found, fault: 'lost' }
    if (rest === 'something') fault = 'torn'
  }
  return { ...found, fault }
}

/** What is to be known when the first record comes to the segment with this index; null: of nothing. */
export function sealedAt(index: number, end: Place, voters: VotersOf): Sealed | null {
  return index === 0 ? null : { segments: index, end, voters: voters.all() }
}

function forgetSpans(segment: Segment | undefined): void {
  if (segment !== undefined) segment.spans = null
}

/** Null: there is none, or the disk can not read it any more. */
async function readSegment(disk: Disk, index: number): Promise<Buffer | null> {
  try {
    const bytes = await disk.read(segmentName(index))
    return bytes === null ? null : Buffer.from(bytes)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EIO') return null
    throw error
  }
}

/**
 * Finds what a folder holds by its last segment, where it is known what those before hold and each of them begins as it
 * should; else by all of them.
 */
export async function findRecords(disk: Disk, sealed: Sealed | null, last: number | undefined): Promise<Found> {
  const firsts = sealed === null ? null : await firstsOf(disk, sealed)
  return scanSegments(disk, { last, behind: sealed === null || firsts === null ? null : { sealed, firsts } })
}

/** Null: they are not all there. */
async function firstsOf(disk: Disk, { segments, end }: Sealed): Promise<readonly number[] | null> {
  const indexes = await listSegments(disk)
  const firsts: number[] = []
  for (let index = 0; index <= segments; index++) if (indexes[index] !== index) return null
  for (let index = 0; index < segments; index++) {
    const sector = Buffer.from(await disk.readAt(segmentName(index), 0, SECTOR_BYTES).catch(() => new Uint8Array()))
    const first = decodeHeader(sector, 0)?.record.seq ?? 0
    if (first <= (firsts.at(-1) ?? 0) || first > end.seq) return null
    firsts.push(first)
  }
  return firsts
}

/** Where the records from `first` to `last` lie in their segment, by their headers; null: one of them is not whole. */
export function spansIn(bytes: Buffer, first: number, last: number): Span[] | null {
  const spans: Span[] = []
  for (let [seq, at] = [first, 0]; seq <= last; seq++) {
    const header = decodeHeader(bytes, at)
    if (header?.record.seq !== seq) return null
    spans.push({ at, bytes: header.bytes })
    at += header.bytes
  }
  return spans
}

/** What lies where the record `next` should begin. One that was written `later`, on its own, was written when `next` was on the disk. */
function restOf(bytes: Buffer, from: number, next: number): 'zeros' | 'something' | 'later' {
  let rest: 'zeros' | 'something' = 'zeros'
  for (let at = from; at < bytes.length; at += SECTOR_BYTES) {
    if (isZero(bytes, at)) continue
    rest = 'something'
    if ((decodeHeader(bytes, at)?.first ?? 0) > next) return 'later'
  }
  return rest
}
