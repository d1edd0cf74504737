import type { Database } from '../../../platform/database.ts'
import { follows, verifies } from '../proof/chain.ts'
import { compareEntries, countEntries, listStretch, listStretches, type Stretch, type Where } from '../store.ts'
import type { Month } from './month.ts'

/** Records that are compared in one transaction; nobody else waits for longer. */
const RECORDS_AT_ONCE = 32
const BYTES_AT_ONCE = 4_000_000

export type Comparison =
  /** Every entry there is as a record tells it, and every one that is told is there. */
  | { readonly kind: 'as_told'; readonly entries: number; readonly chain: readonly Stretch[] }
  | { readonly kind: 'not_as_told'; readonly detail: string }

/** Holds the entries of a month against the journal: each hash, each link, each row. `onEntries` hears how far it has got. */
export async function compareMonth(
  transaction: Database['transaction'],
  month: Month,
  where: Where,
  { signal, onEntries }: { readonly signal: AbortSignal; readonly onEntries: (entries: number) => void },
): Promise<Comparison> {
  const chain = await transaction((sql) => listStretches(sql, month))
  let entries = 0
  for (const { shard, after, through } of chain) {
    let link = { seq: BigInt(after.seq), hash: after.hash }
    while (link.seq < BigInt(through.seq)) {
      signal.throwIfAborted()
      const range = { after: Number(link.seq), through: through.seq }
      const [records, compared] = await transaction(async (sql) => {
        const page = await listStretch(sql, shard, range, { records: RECORDS_AT_ONCE, bytes: BYTES_AT_ONCE })
        const numbers = page.map(({ seq }) => seq)
        return [page, await compareEntries(sql, month, where, { shard, records: numbers })] as const
      })
      for (const record of records) {
        if (!follows(record, link) || !verifies(record)) return broken(`record ${record.seq} of shard ${shard}`)
        link = record
      }
      if (records.length === 0) return broken(`record ${link.seq + 1n} of shard ${shard}`)
      if (compared.different > 0) {
        const detail = `${compared.different} entries are not as the records of shard ${shard} up to ${link.seq} tell them`
        return { kind: 'not_as_told', detail }
      }
      entries += compared.told
      onEntries(entries)
    }
  }
  const there = await transaction((sql) => countEntries(sql, month, where))
  if (there !== entries)
    return { kind: 'not_as_told', detail: `there are ${there} entries, and the journal tells of ${entries}` }
  return { kind: 'as_told', entries, chain }
}

function broken(what: string): Comparison {
  return { kind: 'not_as_told', detail: `the chain is broken at ${what}` }
}
