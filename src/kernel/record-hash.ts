import { sha256 } from './canonical-json.ts'

/** One record of a shard's journal. */
export type ChainedRecord = {
  readonly shard: number
  readonly seq: bigint
  readonly epoch: bigint
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /** The hash of the record before; empty for the first one. */
  readonly previous: string
  /** Its facts, byte for byte. */
  readonly body: string
}

/** What a record is known by in its chain: it covers the body and, by the hash before, everything earlier. */
export function recordHash({ shard, seq, epoch, at, previous, body }: ChainedRecord): string {
  return sha256(`${shard} ${seq} ${epoch} ${at} ${previous}\n${body}`)
}
