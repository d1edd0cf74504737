import { setTimeout as sleep } from 'node:timers/promises'
import type { Json } from '../kernel/canonical-json.ts'
import { type Clock, toRfc3339 } from '../kernel/clock.ts'
import { type Id, newId } from '../kernel/id.ts'
import type { Database, Sql } from './database.ts'

/** Something that happened, told to the other services and to members. */
export type Happening = {
  /** Past tense with its noun: `transfer.posted`. */
  readonly type: string
  /** What it happened to; events of one subject are in order. */
  readonly subject: string
  /** The members it concerns; empty for events between services only. */
  readonly members: readonly string[]
  readonly data: Json
}

/** A happening as it stands in the outbox, numbered in commit order. */
export type Event = Happening & { readonly seq: bigint; readonly id: Id<'event'>; readonly at: number }

export type Emit = (happening: Happening) => void

export interface Outbox {
  /** Runs `work` in one transaction; what it emits is committed with its effect, or not at all. */
  transaction<T>(work: (sql: Sql, emit: Emit) => Promise<T>): Promise<T>
  /** Events after `after`, oldest first, at most `limit`; waits up to `waitMs` for the first one. */
  read(after: bigint, limit: number, waitMs: number, signal?: AbortSignal): Promise<readonly Event[]>
}

/** Another process may have written: how often a waiting reader looks by itself. */
const POLL_MS = 250

export const outboxMigrations = new URL('./migrations/outbox/', import.meta.url)

export function createOutbox(database: Database, clock: Clock): Outbox {
  let written = Promise.withResolvers<void>()
  return {
    async transaction(work) {
      const happenings: Happening[] = []
      const result = await database.transaction(async (sql) => {
        const value = await work(sql, (happening) => happenings.push(happening))
        await append(sql, clock, happenings)
        return value
      })
      if (happenings.length > 0) {
        written.resolve()
        written = Promise.withResolvers()
      }
      return result
    },

    async read(after, limit, waitMs, signal) {
      const deadline = performance.now() + waitMs
      while (!signal?.aborted) {
        const next = written.promise // taken before looking, so that nothing written in between is missed
        const events = await database.transaction((sql) => select(sql, after, limit))
        const leftMs = deadline - performance.now()
        if (events.length > 0 || leftMs <= 0) return events
        const poll = new AbortController()
        await Promise.race([next, sleep(Math.min(POLL_MS, leftMs), null, { signal: poll.signal }).catch(() => null)])
        poll.abort()
      }
      return []
    },
  }
}

/** One statement for all: the numbers are taken, under the lock of `outbox_head`, where they are used. */
async function append(sql: Sql, clock: Clock, happenings: readonly Happening[]): Promise<void> {
  if (happenings.length === 0) return
  const at = toRfc3339(clock.now())
  const events = happenings.map((happening, index) => ({ nth: index + 1, id: newId('event'), at, ...happening }))
  await sql.query(
    `WITH head AS (UPDATE outbox_head SET seq = seq + $2::bigint RETURNING seq)
     INSERT INTO outbox (seq, id, type, subject, members, at, data)
     SELECT head.seq - $2::bigint + nth, id, type, subject, members, at, data FROM head, json_to_recordset($1::json)
       AS event (nth bigint, id text, type text, subject text, members text[], at timestamptz, data jsonb) ORDER BY nth`,
    [JSON.stringify(events), events.length],
  )
}

/** The number of the newest event that is committed. */
export async function headOf(sql: Sql): Promise<bigint> {
  const [head] = await sql.query<{ seq: bigint }>('SELECT seq FROM outbox_head')
  return head?.seq ?? 0n
}

function select(sql: Sql, after: bigint, limit: number): Promise<Event[]> {
  return sql.query<Event>(
    'SELECT seq, id, type, subject, members, at, data FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2',
    [after, limit],
  )
}
