import type { Disk } from './disk.ts'
import { decodeFrame, decodeHeader, isZero, SECTOR_BYTES } from './frame.ts'
import { type JournalRecord, type Place, placeOf, START } from './record.ts'
import { VotersOf } from './store.ts'
import { votersOf } from './voters.ts'

/** Where a frame lies: `at` counts through all segments, each of the same length. */
export type Span = { readonly at: number; readonly bytes: number }

/** What the segments of a folder hold. */
export type Found = {
  /** That of record n at n - 1. */
  readonly spans: Span[]
  readonly end: Place
  /** How long each segment is; null where there is none. */
  readonly segmentBytes: number | null
  /** The first record of those that were written last, together; 0 when there is none. */
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

/** Reads all segments up to the first record that is not whole, or to the record `last`, and shows each. Changes nothing. */
export async function scanSegments(
  disk: Disk,
  last = Number.POSITIVE_INFINITY,
  onRecord: (record: JournalRecord) => void = () => {},
): Promise<Found> {
  const found = {
    ...{ spans: [] as Span[], end: START, lastWritten: 0, voters: new VotersOf() },
    segmentBytes: null as number | null,
  }
  let fault: Found['fault'] = 'nothing'
  for (const [order, index] of (await listSegments(disk)).entries()) {
    if (order !== index) return { ...found, fault: 'lost' }
    const bytes = Buffer.from((await disk.read(segmentName(index))) ?? [])
    found.segmentBytes ??= bytes.length
    if (bytes.length !== found.segmentBytes) return { ...found, fault: 'lost' }
    let at = 0
    while (fault === 'nothing' && found.end.seq < last) {
      const frame = decodeFrame(bytes, at)
      if (frame.kind === 'spoilt') return { ...found, fault: 'lost' }
      if (frame.kind !== 'whole') break
      const { seq, previous } = frame.record
      if (seq !== found.end.seq + 1 || previous !== found.end.hash) return { ...found, fault: 'lost' }
      found.spans.push({ at: index * bytes.length + at, bytes: frame.bytes })
      found.end = placeOf(frame.record)
      onRecord(frame.record)
      found.lastWritten = frame.first
      found.voters.add(frame.record.seq, votersOf(frame.record))
      at += frame.bytes
    }
    if (found.end.seq === last) break
    const rest = restOf(bytes, at, found.end.seq + 1)
    if (rest === 'later') return { ...found, fault: 'lost' }
    if (rest === 'something') fault = 'torn'
  }
  return { ...found, fault }
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
