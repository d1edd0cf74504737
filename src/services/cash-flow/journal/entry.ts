import { assert } from '../../../kernel/assert.ts'
import type { Instant } from '../../../kernel/clock.ts'
import type { Pages } from '../../../platform/outbox-pages.ts'
import type { Batch, JournalRecord, Notice } from '../append.ts'
import type { Columns, FactTable } from '../store/columns.ts'
import { allOf, type Facts } from '../store.ts'

/** A batch as the journal has it: with its events as they are told, and without what its records say already. */
export type WrittenBatch = Omit<Batch, 'happenings' | 'presumed'> & { readonly pages: Pages }

/** What one record of the journal in several stores is about. */
export type Entry = { readonly kind: 'batch'; readonly batch: WrittenBatch } | Notice

type WrittenRecord = readonly [shard: number, epoch: string, seq: string, previous: string, hash: string, at: number]
type Head = {
  readonly kind: 'batch'
  readonly records: readonly WrittenRecord[]
  readonly work: readonly (readonly [string, string])[]
  readonly done: readonly (readonly [string, readonly string[]])[]
  readonly pages: readonly (readonly [events: number, packed: string])[]
}

/**
 * As text: a line of JSON. Of a batch the bodies of its records follow, each in a line as it is: they are JSON without line
 * feeds, and are the most of it.
 */
export function writeEntry(entry: Entry): string {
  if (entry.kind !== 'batch') return JSON.stringify(entry)
  const { records, work, done, pages } = entry.batch
  const head: Head = {
    kind: 'batch',
    records: records.map(({ shard, epoch, seq, previous, hash, at }) => {
      return [shard, `${epoch}`, `${seq}`, previous, hash, at] as const
    }),
    work: [...work],
    done: [...done],
    pages: pages.map(({ events, packed }) => [events, Buffer.from(packed).toString('base64')] as const),
  }
  return [JSON.stringify(head), ...records.map(({ body }) => body)].join('\n')
}

/** @throws Error where it is none */
export function readEntry(text: string): Entry {
  const [first = '', ...bodies] = text.split('\n')
  const head = JSON.parse(first) as Head | Notice
  if (head.kind !== 'batch') return head
  assert(head.records.length === bodies.length, 'each record has its body')
  const records = head.records.map(([shard, epoch, seq, previous, hash, at], index): JournalRecord => {
    const numbers = { shard, epoch: BigInt(epoch), seq: BigInt(seq), at: at as Instant }
    return { ...numbers, previous, hash, body: bodies[index] ?? '' }
  })
  const batch: WrittenBatch = {
    records,
    facts: allOf(bodies.map(factsIn)),
    work: new Map(head.work),
    done: new Map(head.done),
    pages: head.pages.map(([events, packed]) => ({ events, packed: Buffer.from(packed, 'base64') })),
  }
  return { kind: 'batch', batch }
}

function factsIn(body: string): Facts {
  type Told = { readonly rows: number } & Columns['elements']
  const tables = Object.entries(JSON.parse(body) as Record<string, Told>)
  return new Map(tables.map(([table, { rows, ...elements }]) => [table as FactTable | 'balance', { rows, elements }]))
}
