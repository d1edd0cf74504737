import type { Json } from '../kernel/canonical-json.ts'
import type { Clock } from '../kernel/clock.ts'
import { type Id, newId } from '../kernel/id.ts'
import type { Conclude, Database, Sql, Statement } from './database.ts'
import { rememberNewest } from './newest-events.ts'
import { eventsIn, insertPages, lastIn, type Pages, pagesOf, selectPages, type Unnumbered } from './outbox-pages.ts'
import { watchOutbox } from './outbox-watch.ts'
import { readTogether } from './read-together.ts'
import { type Traced, traceOf } from './traced-events.ts'
import type { Tracer } from './tracing.ts'

/** Something that happened, told to the other services and to members; with the trace of what it came of, which stays inside. */
export type Happening = Traced & {
  /** Past tense with its noun: `transfer.posted`. */
  readonly type: string
  /** What it happened to; events of one subject are in order. */
  readonly subject: string
  /** The members it concerns; empty for events between services only. */
  readonly members: readonly string[]
  /** Of what `data` looks like; the first when left out. */
  readonly version?: number
  readonly data: Json
}

/** A happening as it stands in the outbox, numbered in commit order. */
export type Event = Happening & { readonly seq: bigint; readonly id: Id<'event'>; readonly at: number }

/** Happenings, the events that they are, and the pages of these in the outbox. */
export type Packed = {
  readonly happenings: readonly Happening[]
  /** Left out where they are known by their pages alone. */
  readonly events?: readonly Unnumbered[]
  readonly pages: Pages
}

export type Emit = (happening: Happening) => void

export interface Outbox {
  /** Runs `work` in one transaction; what it emits is committed with its effect, or not at all. */
  transaction<T>(work: (sql: Sql, emit: Emit) => Promise<T>): Promise<T>
  /** The events of what is about to happen, with their ids and the time. */
  pack(happenings: readonly Happening[]): Packed
  /**
   * Runs statements that need no answer as one transaction, with the events of what happened by them: one way to the store and
   * back, and another one with what `conclude` has to add.
   */
  atOnce(statements: readonly Statement[], events: Packed, conclude?: Conclude): Promise<void>
  /** Events after `after`, oldest first, at most `limit`; waits up to `waitMs` for the first one. */
  read(after: bigint, limit: number, waitMs: number, signal?: AbortSignal): Promise<readonly Event[]>
}

export const outboxMigrations = new URL('./migrations/outbox/', import.meta.url)

/** What is emitted within a trace that `tracer` keeps goes on with it. */
export function createOutbox(database: Database, clock: Clock, tracer: Tracer | null = null): Outbox {
  const reads = readTogether(database)
  const watch = watchOutbox(() => headOf(reads))
  const newest = rememberNewest()
  return {
    async transaction(work) {
      const happenings: Happening[] = []
      const result = await database.transaction(async (sql) => {
        const value = await work(sql, (happening) =>
          happenings.push(tracer === null ? happening : { ...traceOf(tracer), ...happening }),
        )
        if (happenings.length > 0) {
          const { text, values } = insertPages(pagesOf(eventsOf(happenings, clock)))
          await sql.query(text, values)
        }
        return value
      })
      if (happenings.length > 0) watch.tell()
      return result
    },

    pack(happenings) {
      const events = eventsOf(happenings, clock)
      return { happenings, events, pages: pagesOf(events) }
    },

    async atOnce(statements, { events = [], pages }, conclude) {
      if (pages.length === 0) {
        await database.atOnce(statements, conclude)
        return
      }
      const answers = await database.atOnce([...statements, insertPages(pages)], conclude)
      newest.add(lastIn(answers.at(-1) ?? []), events)
      watch.tell()
    },

    async read(after, limit, waitMs, signal) {
      const deadline = performance.now() + waitMs
      const pages = selectPages(after, limit)
      while (!signal?.aborted) {
        const mark = watch.mark() // taken before looking, so that nothing written in between is missed
        const known = newest.after(after, limit)
        if (known.length > 0) return known
        const events = eventsIn(await reads.query(pages.text, pages.values), after, limit)
        const leftMs = deadline - performance.now()
        if (events.length > 0 || leftMs <= 0) return events
        if (!(await watch.newsSince(mark, leftMs, signal))) return []
      }
      return []
    },
  }
}

function eventsOf(happenings: readonly Happening[], clock: Clock): readonly Unnumbered[] {
  const at = clock.now()
  return happenings.map((happening) => ({ id: newId('event'), ...happening, at }))
}

/** The number of the newest event that is committed. */
export async function headOf(sql: Sql): Promise<bigint> {
  const [head] = await sql.query<{ seq: bigint }>('SELECT seq FROM outbox_head')
  return head?.seq ?? 0n
}
