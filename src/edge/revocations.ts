import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../kernel/clock.ts'
import { FEED_PAGE_MAX, feedOf } from '../platform/feed.ts'
import type { Log } from '../platform/log.ts'
import type { ServiceClient } from '../platform/service-client.ts'
import { readInForce, takeIn } from './revocation-news.ts'
import type { TokenVerifier } from './token-verifier.ts'
import { refused } from './tokens/credential.ts'
import { createFreshness } from './tokens/freshness.ts'
import { createRevocationIndex } from './tokens/revocation-index.ts'

/** The revocations that membership owns, as this edge knows them. */
export interface Revocations {
  /** Whether a verified token with these claims was taken back. */
  revokes(claims: Readonly<Record<string, unknown>>): boolean
  /** Whether what is known is new enough to go by for money; waits for news that is late, half a second at most. */
  isFresh(): Promise<boolean>
  /** `ageMs`: what membership committed up to so long ago is known; infinite before the first news. */
  state(): { readonly stale: boolean; readonly ageMs: number; readonly inForce: number }
  /** `listener` is called when more may have been revoked. */
  watch(listener: () => void): void
  close(): Promise<void>
}

/** How long membership waits for something to tell: its heartbeat. */
const WAIT_MS = 500
/** How much later than its heartbeat news may be before nothing is known for sure. */
const LATE_MS_MAX = 1_000
const PATIENCE_MS = 500
const RETRY_MS = 200

/**
 * Follows membership: all that is in force at first, then each change as it is told, within milliseconds. After a fault all is
 * read anew, so that nothing is missed, even if membership's own past has changed. Nothing is kept on disk: it is not ours.
 */
export function followRevocations(membership: ServiceClient, clock: Clock, log: Log): Revocations {
  const readFeed = feedOf(membership, WAIT_MS, LATE_MS_MAX)
  const freshness = createFreshness(WAIT_MS + LATE_MS_MAX, PATIENCE_MS)
  const stop = new AbortController()
  const listeners: (() => void)[] = []
  let index = createRevocationIndex()
  let isTold = false

  const readAll = async (): Promise<bigint> => {
    const sentAt = performance.now()
    const read = await readInForce(membership, stop.signal)
    index = read.index
    freshness.confirm(sentAt)
    for (const listener of listeners) listener()
    return read.seq
  }
  const readNext = async (after: bigint): Promise<bigint> => {
    const sentAt = performance.now()
    const events = await readFeed(after, stop.signal)
    for (const event of events) takeIn(index, event)
    // An empty page says that nothing had happened when its wait was over; a full one, that there is more.
    if (events.length < FEED_PAGE_MAX) freshness.confirm(events.length === 0 ? sentAt + WAIT_MS : sentAt)
    if (events.length > 0) {
      index.forget(clock.now())
      for (const listener of listeners) listener()
    }
    return events.at(-1)?.seq ?? after
  }

  const running = (async () => {
    let after: bigint | null = null
    while (!stop.signal.aborted) {
      try {
        after = await (after === null ? readAll() : readNext(after))
        if (isTold) log.info('revocations: membership tells of them again')
        isTold = false
      } catch (err) {
        if (stop.signal.aborted) return
        after = null
        if (freshness.isStale() && !isTold) {
          log.error({ err }, 'revocations: membership does not tell of them, and no money moves')
          isTold = true
        }
        await sleep(RETRY_MS, null, { signal: stop.signal }).catch(() => null)
      }
    }
  })()

  return {
    revokes: (claims) => index.revokes(claims, clock.now()),
    isFresh: freshness.await,
    state: () => ({ stale: freshness.isStale(), ageMs: freshness.ageMs(), inForce: index.size() }),
    watch: (listener) => void listeners.push(listener),
    async close() {
      stop.abort()
      await running
    },
  }
}

/** Verifies operators' tokens, less those that were taken back. */
export function withoutRevoked(tokens: TokenVerifier, { revokes }: Pick<Revocations, 'revokes'>): TokenVerifier {
  return {
    async verify(token) {
      const verified = await tokens.verify(token)
      if (revokes(verified.claims)) throw refused('the token was revoked')
      return verified
    },
  }
}
