import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { Json } from '../kernel/canonical-json.ts'
import type { Row, SqlValue, Statement } from './database.ts'
import type { Event } from './outbox.ts'

/** An event before it has its number. */
export type Unnumbered = Omit<Event, 'seq'>

/** Fewer than a reader takes at once, so that it seldom unpacks one for a part of it. */
const PAGE_EVENTS = 100
/** From here on a page is compressed, in bytes: a short one would gain nothing. */
const COMPRESS_FROM = 2_000
/** What the first bytes of a compressed page are (RFC 8878). */
const ZSTD_MAGIC = 0xfd2fb528

/** Events by the page, in their order, each as it stands in the outbox. */
export type Pages = readonly { readonly events: number; readonly packed: Uint8Array }[]

export function pagesOf(events: readonly Unnumbered[]): Pages {
  const pages: { events: number; packed: Uint8Array }[] = []
  for (let from = 0; from < events.length; from += PAGE_EVENTS) {
    const page = events.slice(from, from + PAGE_EVENTS)
    pages.push({ events: page.length, packed: packed(page) })
  }
  return pages
}

/** Adds the pages, one at least: the numbers are taken, under the lock of `outbox_head`, where they are used. `lastIn` has them. */
export function insertPages(pages: Pages): Statement {
  const values: SqlValue[] = [pages.reduce((sum, { events }) => sum + events, 0)]
  const rows: string[] = []
  let upto = 0
  for (const { events, packed } of pages) {
    upto += events
    rows.push(`($${values.length + 1}::bigint, $${values.length + 2}::bytea)`)
    values.push(upto, packed)
  }
  const text = `WITH head AS (UPDATE outbox_head SET seq = seq + $1::bigint RETURNING seq)
    INSERT INTO outbox (last, events) SELECT head.seq - $1::bigint + page.upto, page.events
    FROM head, (VALUES ${rows.join(', ')}) AS page (upto, events) RETURNING last`
  return { text, values }
}

/** The number of the last event of the pages that were added. */
export function lastIn(added: readonly Row[]): bigint {
  return added.reduce((last, page) => ((page['last'] as bigint) > last ? (page['last'] as bigint) : last), 0n)
}

/** The pages in which the events after a number are, up to so many; numbers have no gaps. */
export function selectPages(after: bigint, limit: number): Statement {
  const text = 'SELECT last, events FROM outbox WHERE last > $1 AND last < $2 ORDER BY last'
  return { text, values: [after, after + BigInt(limit + PAGE_EVENTS)] }
}

/** The events in these pages after a number, oldest first. */
export function eventsIn(pages: readonly Row[], after: bigint, limit: number): readonly Event[] {
  const events: Event[] = []
  for (const page of pages) {
    if (events.length === limit) break // unpacked for nothing
    const last = page['last'] as bigint
    const found = unpacked(page['events'] as Uint8Array)
    for (const [index, event] of found.entries()) {
      const seq = last - BigInt(found.length - 1 - index)
      if (seq > after && events.length < limit) events.push({ seq, ...event })
    }
  }
  return events
}

function packed(events: readonly Unnumbered[]): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(events satisfies readonly Json[]))
  return bytes.length < COMPRESS_FROM ? bytes : zstdCompressSync(bytes)
}

function unpacked(page: Uint8Array): readonly Unnumbered[] {
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.byteLength)
  const isCompressed = bytes.length > 4 && bytes.readUInt32LE(0) === ZSTD_MAGIC
  return JSON.parse((isCompressed ? zstdDecompressSync(bytes) : bytes).toString()) as Unnumbered[]
}
