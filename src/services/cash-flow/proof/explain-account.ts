import type { Instant } from '../../../kernel/clock.ts'
import type { Sql } from '../../../platform/database.ts'
import type { JournalRecord } from '../append.ts'
import type { OpenAccount } from '../books.ts'
import type { Entry } from '../model.ts'
import { entriesOf } from '../online.ts'
import { accountOnWire, entryFact, entryOnWire, feeOnWire } from '../presenters.ts'
import { findRecords, readTransfers } from '../store.ts'
import { verifies } from './chain.ts'
import { Telling, type ToldEntry } from './telling.ts'

/** The record that wrote an entry. */
type Origin = {
  readonly shard: number
  readonly seq: number
  readonly hash: string
  /** Its hash is that of what it says. */
  readonly verifies: boolean
  /** The entry is as it says. */
  readonly tells: boolean
}

/** The chain behind a balance: its entries below a version, newest first, each with what it was made by and its record. @throws Problem `month_detached` */
export async function explainAccount(
  sql: Sql,
  open: OpenAccount,
  below: number | null,
  limit: number,
): Promise<object> {
  const { account, balance } = open
  const { entries, more } = await entriesOf(sql, open, { below, from: null, to: null }, limit)
  const transfers = await readTransfers(sql, [...new Set(entries.map(({ transfer }) => transfer))])
  const origins = await originsOf(sql, entries)
  const items = entries.map((entry) => {
    const made = transfers.find(({ transfer }) => transfer.id === entry.transfer)?.transfer
    const { operation = null, assessment = null, receipt = null } = made ?? {}
    const record = origins.get(keyOf(entry)) ?? null // older than the journal
    const fee = made === undefined ? {} : feeOnWire(made)
    return { ...entryOnWire(entry, account.currency), ...fee, operation, assessment, receipt, record }
  })
  const next = more ? String(entries.at(-1)?.version) : null
  return { account: accountOnWire(account, balance), shard: account.shard, items, next }
}

/** Their records, by entry. One record is read at a time: each may be large. */
async function originsOf(sql: Sql, entries: readonly Entry[]): Promise<ReadonlyMap<string, Origin>> {
  const origins = new Map<string, Origin>()
  for (const at of new Set(entries.map(({ recordedAt }) => recordedAt))) {
    const written = entries.filter(({ recordedAt }) => recordedAt === at)
    for (const [id, origin] of await originsAt(sql, at, written)) origins.set(id, origin)
  }
  return origins
}

async function originsAt(sql: Sql, at: Instant, entries: readonly Entry[]): Promise<[string, Origin][]> {
  const [first] = entries
  if (first === undefined) return []
  const records = await findRecords(sql, first.shard, at)
  return records.flatMap((record) => {
    const told = entriesIn(record)
    return entries.flatMap((entry): [string, Origin][] => {
      const as = told.get(keyOf(entry))
      if (as === undefined) return []
      const { shard, seq, hash } = record
      const origin = { shard, seq: Number(seq), hash, verifies: verifies(record), tells: isAs(entry, as) }
      return [[keyOf(entry), origin]]
    })
  })
}

/** By what an entry is known. */
function keyOf({ account, version }: Pick<Entry | ToldEntry, 'account' | 'version'>): string {
  return `${account} ${version}`
}

/** None in a body that somebody has broken. */
function entriesIn(record: JournalRecord): ReadonlyMap<string, ToldEntry> {
  try {
    return new Map(new Telling(record).entries().map((told) => [keyOf(told), told]))
  } catch {
    return new Map()
  }
}

function isAs(entry: Entry, told: ToldEntry): boolean {
  const live: Readonly<Record<string, unknown>> = entryFact(entry)
  const fields = Object.entries(told)
  return (
    fields.length === Object.keys(live).length && fields.every(([name, value]) => String(live[name]) === String(value))
  )
}
