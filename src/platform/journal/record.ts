import { sha256 } from '../../kernel/canonical-json.ts'

/**
 * What stands in a journal. `batch`: what somebody had appended; `barrier`: the first record of a leader; `voters`: which
 * stores vote from here on (`Voters`, as JSON).
 */
export type RecordKind = 'batch' | 'barrier' | 'voters'

export type JournalRecord = {
  /** 1 upwards, without a gap. */
  readonly seq: number
  /** Of the leader that made it. */
  readonly epoch: number
  readonly kind: RecordKind
  /** The hash of the record before. */
  readonly previous: string
  /** SHA-256 of all the rest, in lower-case hex; so it is the record's checksum, too. */
  readonly hash: string
  /** Any text without NUL. */
  readonly body: string
}

/** A place in a journal: right behind the record with this number and hash. */
export type Place = Pick<JournalRecord, 'seq' | 'epoch' | 'hash'>

/** Before the first record. */
export const START: Place = { seq: 0, epoch: 0, hash: '0'.repeat(64) }

export const BODY_BYTES_MAX = 8 * 1024 * 1024

export function recordAfter(end: Place, epoch: number, kind: RecordKind, body: string): JournalRecord {
  const record = { seq: end.seq + 1, epoch, kind, previous: end.hash, body }
  return { ...record, hash: hashOf(record) }
}

export function hashOf({ seq, epoch, kind, previous, body }: Omit<JournalRecord, 'hash'>): string {
  return sha256(`${seq}\n${epoch}\n${kind}\n${previous}\n${body}`)
}

/** Whether these follow on the place, one on the other, each as it was hashed. */
export function followsOn(place: Place, records: readonly JournalRecord[]): boolean {
  let end = place
  for (const record of records) {
    if (record.seq !== end.seq + 1 || record.previous !== end.hash || record.epoch < end.epoch) return false
    if (record.hash !== hashOf(record)) return false
    end = record
  }
  return true
}

export function placeOf({ seq, epoch, hash }: Place): Place {
  return { seq, epoch, hash }
}
