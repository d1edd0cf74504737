import { recordHash } from '../../../kernel/record-hash.ts'
import type { JournalRecord } from '../append.ts'

export { recordHash as hashOf } from '../../../kernel/record-hash.ts'

/** Where a chain has got to: the number and the hash of a record. */
export type Link = { readonly seq: bigint; readonly hash: string }

/** What each chain begins with. */
export const CHAIN_START: Link = { seq: 0n, hash: '' }

/** Whether the record has the hash that it claims. */
export function verifies(record: JournalRecord): boolean {
  return recordHash(record) === record.hash
}

/** Whether the record is the next one after the link. */
export function follows({ seq, previous }: JournalRecord, before: Link): boolean {
  return seq === before.seq + 1n && previous === before.hash
}
