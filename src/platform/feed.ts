import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import type { Sql } from './database.ts'
import { askNext, closeAsked, type DeadLetter, listAsked, putBack, setAside } from './dead-letters.ts'
import { eventOfWire, eventOnWire, WireEvent } from './event-log/event-wire.ts'
import type { Log } from './log.ts'
import type { Emit, Event, Outbox } from './outbox.ts'
import { checkOf } from './schema.ts'
import type { ServiceClient } from './service-client.ts'
import { route, type ServiceRoute } from './service-route.ts'
import { type Within, withSpans } from './traced-events.ts'
import type { Tracer } from './tracing.ts'

/** Of a page. */
export const FEED_PAGE_MAX = 200
/** A page with fewer holds all there was where one process writes; of any version, for pages had as many as this. */
export const FEED_PAGE_WHOLE = 100
/** Short enough that a service which closes need not wait long for its readers. */
const WAIT_MS_MAX = 5_000
const CALL_SLACK_MS = 5_000
/** So much later the next page is asked for, where one was not full. */
const GATHER_MS = 25
const RETRY_FIRST_MS = 100
const RETRY_LAST_MS = 10_000
/** About half a minute: longer than a store is away without saying so. */
const TRIES_MAX = 10
/** Events whose effects are committed together, a page of them: so few that nobody waits long for the store meanwhile. */
const TOGETHER_MAX = 200
/** A feed that is away for shorter is one whose process is starting. */
const WARN_FROM_MS = 1_600

const Page = Type.Object({ items: Type.Array(WireEvent) })

/** The route by which a service lets the others read its events, oldest first. */
export function feedRoute(outbox: Outbox): ServiceRoute {
  return route({
    method: 'get',
    path: '/internal/feed',
    operationId: 'readFeed',
    summary: 'Events after a sequence number, in commit order',
    callers: ['service'],
    query: Type.Object(
      { after: Type.String({ pattern: '^[0-9]{1,18}$' }), waitMs: Type.String({ pattern: '^[0-9]{1,5}$' }) },
      { additionalProperties: false },
    ),
    answers: { 200: Page },
    async run({ query, signal }) {
      const waitMs = Math.min(Number(query.waitMs), WAIT_MS_MAX)
      const events = await outbox.read(BigInt(query.after), FEED_PAGE_MAX, waitMs, signal)
      return { status: 200, body: { items: events.map(eventOnWire) } }
    },
  })
}

/** A page of another service's events; waits on the other side until there is one or its time is up. */
export type FeedSource = (after: bigint, signal: AbortSignal) => Promise<readonly Event[]>

const checkPage = checkOf(Page)

/** `waitMs`: how long the other side waits for an event; `slackMs`: how much later its answer may come. */
export function feedOf(client: ServiceClient, waitMs = WAIT_MS_MAX, slackMs = CALL_SLACK_MS): FeedSource {
  return async (after, signal) => {
    const target = `/internal/feed?after=${after}&waitMs=${waitMs}`
    const answer = await client.call({ method: 'GET', target, timeoutMs: waitMs + slackMs, signal })
    const page = checkPage(answer.body)
    if (answer.status !== 200 || !page.ok) throw new Error(`the feed answered ${answer.status}`)
    return page.value.items.map(eventOfWire)
  }
}

type Pause = (ms: number, signal: AbortSignal) => Promise<unknown>

/**
 * A feed by the page: what happens soon after events that did not fill one comes together, and is taken together. Under load a
 * feed is else asked for each batch of the other side, and each answer is a transaction here.
 */
export function byThePage(source: FeedSource, pause: Pause = (ms, signal) => sleep(ms, null, { signal })): FeedSource {
  let isToGather = false
  return async (after, signal) => {
    if (isToGather) await pause(GATHER_MS, signal)
    isToGather = false
    const events = await source(after, signal)
    isToGather = events.length > 0 && events.length < FEED_PAGE_MAX
    return events
  }
}

/**
 * Follows a feed: the effects of events, and how far we are, are committed together, so that an event has its effect exactly
 * once whatever is killed in between. What came together is committed together, unless that fails: then one by one. An event
 * whose effect fails is tried again, and nothing after it overtakes it; one that fails `triesMax` times while the store is well
 * is set aside, and with it those of its subject that follow.
 */
export function followFeed(options: {
  readonly feed: string
  readonly source: FeedSource
  readonly store: Pick<Outbox, 'transaction'>
  readonly apply: (event: Event, sql: Sql, emit: Emit) => Promise<void>
  /**
   * What `apply` does of each, of several at once; left out where one after the other is as good. What it emits for one of them
   * it emits within that one.
   */
  readonly applyAll?: (events: readonly Event[], sql: Sql, emit: Emit, within: Within) => Promise<void>
  /** The newest version of each type that is read here, `*` for all others; of what is newer the effect fails. */
  readonly versions?: Versions
  /** By which what is done for an event goes on with its trace; null: none is kept. */
  readonly tracer?: Tracer | null
  readonly log: Log
  readonly clock?: Clock
  readonly triesMax?: number
}): { close(): Promise<void> } {
  const { feed, source, store, log, versions = {}, clock = systemClock, triesMax = TRIES_MAX, tracer = null } = options
  const stop = new AbortController()
  let [failing, tries] = [0n, 0]

  const apply: typeof options.apply = async (event, sql, emit) => {
    requireReadable(event, versions)
    await withSpans(tracer, feed, [event], (within) => within(event, () => options.apply(event, sql, emit)))
  }
  const applyAll: NonNullable<typeof options.applyAll> = async (events, sql, emit, within) => {
    for (const event of events) requireReadable(event, versions)
    if (options.applyAll !== undefined) await options.applyAll(events, sql, emit, within)
    else for (const event of events) await within(event, () => options.apply(event, sql, emit))
  }

  /** False: they have to be taken one by one, and nothing was done. */
  const takeTogether = async (after: bigint, events: readonly Event[]): Promise<boolean> => {
    if (events.length < 2 || events.some(({ seq }) => seq === failing)) return false
    try {
      return await store.transaction(async (sql, emit) => {
        const moves = await advanceOver(sql, feed, after, events)
        if (moves) await withSpans(tracer, feed, events, (within) => applyAll(events, sql, emit, within))
        return moves
      })
    } catch (error) {
      if (stop.signal.aborted || isOfTheStore(error)) throw error
      return false
    }
  }

  const take = async (event: Event): Promise<void> => {
    try {
      await store.transaction(async (sql, emit) => {
        const moved = await advance(sql, feed, event)
        if (moved === null) return
        if (moved.before === null) await apply(event, sql, emit)
        else await setAside(sql, clock, feed, event, { error: `waits behind ${feed}/${moved.before}`, tries: 0 })
      })
    } catch (error) {
      if (stop.signal.aborted || isOfTheStore(error)) throw error
      tries = failing === event.seq ? tries + 1 : 1
      failing = event.seq
      if (tries < triesMax) throw error
      await store.transaction(async (sql) => {
        if ((await advance(sql, feed, event)) === null) return
        await setAside(sql, clock, feed, event, { error: String(error), tries })
      })
      log.error({ err: error, feed, event: event.id, seq: event.seq.toString() }, 'feed: an event was set aside')
    }
  }

  /** What an operator wants to be taken again. */
  const takeAgain = async (letter: DeadLetter): Promise<void> => {
    try {
      await store.transaction(async (sql, emit) => {
        if (!(await closeAsked(sql, clock, letter))) return
        await apply(letter.event, sql, emit)
        await askNext(sql, clock, letter)
      })
    } catch (error) {
      if (stop.signal.aborted || isOfTheStore(error)) throw error
      await store.transaction((sql) => putBack(sql, clock, letter, String(error)))
      log.error({ err: error, feed, seq: letter.seq.toString() }, 'feed: an event was set aside again')
    }
  }

  const round = async (): Promise<void> => {
    const { letter, after } = await store.transaction(async (sql) => {
      const [letter] = await listAsked(sql, feed, 1)
      return { letter, after: await readOffset(sql, feed) }
    })
    if (letter !== undefined) return takeAgain(letter)
    const events = await source(after, stop.signal)
    for (let [from, last] = [0, after]; from < events.length; from += TOGETHER_MAX) {
      const some = events.slice(from, from + TOGETHER_MAX)
      const isDone = !stop.signal.aborted && (await takeTogether(last, some))
      for (const event of isDone ? [] : some) {
        if (stop.signal.aborted) return
        await take(event)
      }
      last = some.at(-1)?.seq ?? last
    }
  }

  const running = (async () => {
    let retryMs = RETRY_FIRST_MS
    while (!stop.signal.aborted) {
      try {
        await round()
        retryMs = RETRY_FIRST_MS
      } catch (err) {
        if (stop.signal.aborted) return
        if (retryMs >= WARN_FROM_MS) log.warn({ err, feed, retryMs }, 'feed: trying again')
        await sleep(retryMs, null, { signal: stop.signal }).catch(() => null)
        retryMs = Math.min(retryMs * 2, RETRY_LAST_MS)
      }
    }
  })()
  return {
    async close() {
      stop.abort()
      await running
    },
  }
}

export type Versions = Readonly<Record<string, number>>

/** To read what one does not know is to guess: the event waits, set aside, for a release that does. */
function requireReadable({ type, version = 1 }: Event, versions: Versions): void {
  const newest = versions[type] ?? versions['*'] ?? version
  if (version > newest) throw new Error(`${type} is of version ${version}, and is read up to version ${newest} here`)
}

/** SQLSTATE classes of what is no fault of the event: connections, collisions, resources, locks, operators, the system. */
const OF_THE_STORE = /^(08|25|40|53|55|57|58)|^E[A-Z]+$/

function isOfTheStore(error: unknown): boolean {
  if (error instanceof Problem) return error.code === 'outcome_unknown' || error.code === 'dependency_unavailable'
  return error instanceof Error && 'code' in error && OF_THE_STORE.test(String(error.code))
}

async function readOffset(sql: Sql, feed: string): Promise<bigint> {
  const [row] = await sql.query<{ seq: bigint }>('SELECT seq FROM feed_offset WHERE feed = $1', [feed])
  return row?.seq ?? 0n
}

/**
 * Moves the offset to the event; null when it was taken before, by us or by another process. `before`: the first of its subject
 * that was set aside, and must not be overtaken.
 */
async function advance(
  sql: Sql,
  feed: string,
  { seq, subject }: Event,
): Promise<{ readonly before: bigint | null } | null> {
  const [moved] = await sql.query<{ before: bigint | null }>(
    `INSERT INTO feed_offset (feed, seq) VALUES ($1, $2)
     ON CONFLICT (feed) DO UPDATE SET seq = EXCLUDED.seq WHERE feed_offset.seq < EXCLUDED.seq
     RETURNING (SELECT min(seq) FROM dead_letter
       WHERE feed = $1 AND subject = $3 AND state IN ('dead', 'asked')) AS before`,
    [feed, seq, subject],
  )
  return moved ?? null
}

/** Moves the offset over all of them; false where one waits behind what was set aside, or another process has moved it. */
async function advanceOver(sql: Sql, feed: string, after: bigint, events: readonly Event[]): Promise<boolean> {
  const rows = await sql.query(
    `INSERT INTO feed_offset (feed, seq) SELECT $1::text, $3::bigint WHERE NOT EXISTS (SELECT FROM dead_letter
       WHERE feed = $1::text AND subject = ANY ($4::text[]) AND state IN ('dead', 'asked'))
     ON CONFLICT (feed) DO UPDATE SET seq = EXCLUDED.seq WHERE feed_offset.seq = $2 RETURNING seq`,
    [feed, after, events.at(-1)?.seq ?? after, [...new Set(events.map(({ subject }) => subject))]],
  )
  return rows.length > 0
}

export type Follower = ReturnType<typeof followFeed>
