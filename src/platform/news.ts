import { setTimeout as sleep } from 'node:timers/promises'
import { FEED_PAGE_WHOLE, feedOf } from './feed.ts'
import { createFreshness } from './freshness.ts'
import type { Log } from './log.ts'
import type { Event } from './outbox.ts'
import type { ServiceClient } from './service-client.ts'

/** What is followed of another service, in memory, and how new it is. */
export interface News {
  /** Whether what is known is new enough to go by for money; waits for news that is late. */
  isFresh(): Promise<boolean>
  /** `ageMs`: what the other side committed up to so long ago is known; infinite before the first news. */
  state(): { readonly stale: boolean; readonly ageMs: number }
  close(): Promise<void>
}

/** How long the other side waits for something to tell: its heartbeat. */
const WAIT_MS = 500
/** How much later than its heartbeat news may be before nothing is known for sure. */
const LATE_MS_MAX = 1_000
const PATIENCE_MS_DEFAULT = 500
const RETRY_MS = 200

/**
 * Follows a service's feed: all that counts at first, then each change as it is told, within milliseconds. After a fault all is
 * read anew, so that nothing is missed, even if the other side's own past has changed. Nothing is kept on disk: it is not ours.
 */
export function followNews(options: {
  readonly client: ServiceClient
  readonly log: Log
  /** For the log: `revocations`. */
  readonly what: string
  /** For how long news that is late is waited for, while somebody asks. */
  readonly patienceMs?: number
  /** Reads all that counts by now. @returns the place in the feed from which to go on */
  readAll(signal: AbortSignal): Promise<bigint>
  /** Takes some events in, one at least. @throws Error when one can't be read: knowing half is worse than knowing that we do */
  takeIn(events: readonly Event[]): void
}): News {
  const { client, log, what, takeIn, patienceMs = PATIENCE_MS_DEFAULT } = options
  const readFeed = feedOf(client, WAIT_MS, LATE_MS_MAX)
  const freshness = createFreshness(WAIT_MS + LATE_MS_MAX, patienceMs)
  const stop = new AbortController()
  let isTold = false

  const readAll = async (): Promise<bigint> => {
    const sentAt = performance.now()
    const seq = await options.readAll(stop.signal)
    freshness.confirm(sentAt)
    return seq
  }
  const readNext = async (after: bigint): Promise<bigint> => {
    const sentAt = performance.now()
    const events = await readFeed(after, stop.signal)
    if (events.length > 0) takeIn(events)
    // An empty page says that nothing had happened when its wait was over; a full one, that there may be more.
    if (events.length < FEED_PAGE_WHOLE) freshness.confirm(events.length === 0 ? sentAt + WAIT_MS : sentAt)
    return events.at(-1)?.seq ?? after
  }

  const running = (async () => {
    let after: bigint | null = null
    while (!stop.signal.aborted) {
      try {
        after = await (after === null ? readAll() : readNext(after))
        if (isTold) log.info(`${what}: membership tells of them again`)
        isTold = false
      } catch (err) {
        if (stop.signal.aborted) return
        after = null
        if (freshness.isStale() && !isTold) {
          log.error({ err }, `${what}: membership does not tell of them, and no money moves`)
          isTold = true
        }
        await sleep(RETRY_MS, null, { signal: stop.signal }).catch(() => null)
      }
    }
  })()

  return {
    isFresh: freshness.await,
    state: () => ({ stale: freshness.isStale(), ageMs: freshness.ageMs() }),
    async close() {
      stop.abort()
      await running
    },
  }
}
