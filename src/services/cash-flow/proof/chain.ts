import { sha256 } from '../../../kernel/canonical-json.ts'
import type { JournalRecord } from '../append.ts'

/** Where a chain has got to: the number and the hash of a record. */
export type Link = { readonly seq: bigint; readonly hash: string }

/** What each chain begins with. */
export const CHAIN_START: Link = { seq: 0n, hash: '' }

/** What a record is known by in the chain: it covers the body and, by the hash before, everything earlier. */
export function hashOf({ shard, seq, epoch, at, previous, body }: Omit<JournalRecord, 'hash'>): string {
  return sha256(`${shard} ${seq} ${epoch} ${at} ${previous}\n${body}`)
}

/** Whether the record has the hash that it claims. */
export function verifies(record: JournalRecord): boolean {
  return hashOf(record) === record.hash
}

/** Whether the record is the next one after the link. */
export function follows({ seq, previous }: JournalRecord, before: Link): boolean {
  return seq === before.seq + 1n && previous === before.hash
}
