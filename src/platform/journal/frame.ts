import { crc32 } from 'node:zlib'
import { assert } from '../../kernel/assert.ts'
import { BODY_BYTES_MAX, hashOf, type JournalRecord, type RecordKind } from './record.ts'

/**
 * A record as it lies in a segment. Each begins at a sector of its own, so that writing one never touches another that was
 * acknowledged; a disk writes a sector whole or not at all.
 *
 * | at | bytes | |
 * | --- | --- | --- |
 * | 0 | 4 | magic, with the format's version |
 * | 4 | 4 | kind |
 * | 8 | 8 | seq |
 * | 16 | 8 | epoch |
 * | 24 | 8 | first: the seq of the first record that was written together with this one |
 * | 32 | 32 | hash of the record before |
 * | 64 | 32 | hash |
 * | 96 | 4 | bytes of the body |
 * | 100 | 4 | CRC-32 of all before |
 * | 104 | | body (UTF-8), and zeros up to the next sector |
 *
 * Numbers are little-endian. The body holds no NUL, so no sector of a whole frame is all zeros.
 */
export const SECTOR_BYTES = 512

const MAGIC = 0x314a4754 // TGJ1
const HEADER_BYTES = 104
const KINDS: readonly RecordKind[] = ['batch', 'barrier', 'voters']

export type Frame =
  | { readonly kind: 'whole'; readonly record: JournalRecord; readonly first: number; readonly bytes: number }
  /** A sector of zeros: nothing was ever written here, or none of it came to the disk. */
  | { readonly kind: 'empty' }
  /** It was not written to its end: some sector of it still holds the zeros it was made of. */
  | { readonly kind: 'torn' }
  /** It was whole once. */
  | { readonly kind: 'spoilt' }

export function frameBytesOf(record: JournalRecord): number {
  return wholeSectors(HEADER_BYTES + Buffer.byteLength(record.body))
}

export const FRAME_BYTES_MAX = wholeSectors(HEADER_BYTES + BODY_BYTES_MAX)

function wholeSectors(bytes: number): number {
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES
}

/** Writes the record at `at`; there are zeros. @returns the frame's length in bytes */
export function encodeFrame(target: Buffer, at: number, record: JournalRecord, first: number): number {
  const bodyBytes = target.write(record.body, at + HEADER_BYTES, 'utf8')
  target.writeUInt32LE(MAGIC, at)
  target.writeUInt32LE(KINDS.indexOf(record.kind), at + 4)
  target.writeBigUInt64LE(BigInt(record.seq), at + 8)
  target.writeBigUInt64LE(BigInt(record.epoch), at + 16)
  target.writeBigUInt64LE(BigInt(first), at + 24)
  target.write(record.previous, at + 32, 'hex')
  target.write(record.hash, at + 64, 'hex')
  target.writeUInt32LE(bodyBytes, at + 96)
  target.writeUInt32LE(crc32(target.subarray(at, at + 100)), at + 100)
  return wholeSectors(HEADER_BYTES + bodyBytes)
}

type Header = {
  readonly record: Omit<JournalRecord, 'body'>
  readonly first: number
  readonly bodyBytes: number
  /** Of the whole frame. */
  readonly bytes: number
}

/** Null where no header lies whole. */
export function decodeHeader(bytes: Buffer, at: number): Header | null {
  if (at + HEADER_BYTES > bytes.length || bytes.readUInt32LE(at) !== MAGIC) return null
  if (crc32(bytes.subarray(at, at + 100)) !== bytes.readUInt32LE(at + 100)) return null
  const kind = KINDS[bytes.readUInt32LE(at + 4)]
  assert(kind !== undefined, 'a header that adds up is of a known kind')
  return {
    record: {
      kind,
      seq: Number(bytes.readBigUInt64LE(at + 8)),
      epoch: Number(bytes.readBigUInt64LE(at + 16)),
      previous: bytes.toString('hex', at + 32, at + 64),
      hash: bytes.toString('hex', at + 64, at + 96),
    },
    first: Number(bytes.readBigUInt64LE(at + 24)),
    bodyBytes: bytes.readUInt32LE(at + 96),
    bytes: wholeSectors(HEADER_BYTES + bytes.readUInt32LE(at + 96)),
  }
}

export function decodeFrame(bytes: Buffer, at: number): Frame {
  if (at >= bytes.length || isZero(bytes, at)) return { kind: 'empty' }
  const header = decodeHeader(bytes, at)
  if (header === null) return { kind: 'spoilt' }
  const length = header.bytes
  if (at + length > bytes.length) return { kind: 'spoilt' }
  const body = bytes.toString('utf8', at + HEADER_BYTES, at + HEADER_BYTES + header.bodyBytes)
  const record = { ...header.record, body }
  if (hashOf(record) === record.hash) return { kind: 'whole', record, first: header.first, bytes: length }
  for (let sector = at; sector < at + length; sector += SECTOR_BYTES) if (isZero(bytes, sector)) return { kind: 'torn' }
  return { kind: 'spoilt' }
}

const ZERO_SECTOR = Buffer.alloc(SECTOR_BYTES)

export function isZero(bytes: Buffer, at: number): boolean {
  return bytes.compare(ZERO_SECTOR, 0, SECTOR_BYTES, at, at + SECTOR_BYTES) === 0
}
