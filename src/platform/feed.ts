import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'
import type { Sql } from './database.ts'
import { eventOfWire, eventOnWire, WireEvent } from './event-log/event-wire.ts'
import type { Log } from './log.ts'
import type { Emit, Event, Outbox } from './outbox.ts'
import { compileSchema } from './schema.ts'
import type { ServiceClient } from './service-client.ts'
import { route, type ServiceRoute } from './service-route.ts'

/** A page with fewer holds all there was. */
export const FEED_PAGE_MAX = 100
/** Short enough that a service which closes need not wait long for its readers. */
const WAIT_MS_MAX = 5_000
const CALL_SLACK_MS = 5_000
const RETRY_FIRST_MS = 100
const RETRY_LAST_MS = 10_000
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

const checkPage = compileSchema(Page)

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

/**
 * Follows a feed: each event's effect, and how far we are, are committed together, so that an event has its effect exactly
 * once whatever is killed in between. An event whose effect fails is tried again, and nothing after it overtakes it.
 */
export function followFeed(options: {
  readonly feed: string
  readonly source: FeedSource
  readonly store: Pick<Outbox, 'transaction'>
  readonly apply: (event: Event, sql: Sql, emit: Emit) => Promise<void>
  readonly log: Log
}): { close(): Promise<void> } {
  const { feed, source, store, apply, log } = options
  const stop = new AbortController()
  const running = (async () => {
    let retryMs = RETRY_FIRST_MS
    while (!stop.signal.aborted) {
      try {
        const after = await store.transaction((sql) => readOffset(sql, feed))
        for (const event of await source(after, stop.signal)) {
          if (stop.signal.aborted) return
          await store.transaction(async (sql, emit) => {
            if (!(await advance(sql, feed, event.seq))) return
            await apply(event, sql, emit)
          })
        }
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

async function readOffset(sql: Sql, feed: string): Promise<bigint> {
  const [row] = await sql.query<{ seq: bigint }>('SELECT seq FROM feed_offset WHERE feed = $1', [feed])
  return row?.seq ?? 0n
}

/** Moves the offset to `seq`; false when the event was taken before, by us or by another process. */
async function advance(sql: Sql, feed: string, seq: bigint): Promise<boolean> {
  const moved = await sql.query(
    `INSERT INTO feed_offset (feed, seq) VALUES ($1, $2)
     ON CONFLICT (feed) DO UPDATE SET seq = EXCLUDED.seq WHERE feed_offset.seq < EXCLUDED.seq RETURNING seq`,
    [feed, seq],
  )
  return moved.length > 0
}

export type Follower = ReturnType<typeof followFeed>
