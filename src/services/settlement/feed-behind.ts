import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { FeedSource } from '../../platform/feed.ts'
import type { Log } from '../../platform/log.ts'
import type { Outbox } from '../../platform/outbox.ts'

/** So long a cut-off waits for the feed: what has not come by then is in the next batch. */
const WAIT_MS_MAX = 600_000
const TELL_EVERY_MS = 30_000

/** A cut-off whose batches wait for what was posted by then: since when, and until when at most. */
export type Waiting = { readonly cutOff: Instant; readonly since: Instant; readonly until: Instant }

/** Whether what was posted by a cut-off has been taken in: after hours of being away the feed may be far behind. */
export interface FeedBehind {
  /** Whether batches may be closed at the cut-off: all of it is here, or was waited for as long as may be. */
  isOver(cutOff: Instant): Promise<boolean>
  /** What is waited for; null: nothing. */
  waiting(): Waiting | null
}

/** `peek`: the events of cash flow behind a number, as it has them now. */
export function createFeedBehind(options: {
  readonly outbox: Pick<Outbox, 'transaction'>
  readonly peek: FeedSource
  readonly clock: Clock
  readonly log: Log
}): FeedBehind {
  const { outbox, peek, clock, log } = options
  let over: Instant | null = null
  let waiting: (Waiting & { readonly toldAt: number }) | null = null

  /** What cannot be asked may be behind. */
  const isBehind = async (cutOff: Instant): Promise<boolean> => {
    const [row] = await outbox.transaction((sql) =>
      sql.query<{ seq: bigint }>("SELECT seq FROM feed_offset WHERE feed = 'cash-flow'"),
    )
    const events = await peek(row?.seq ?? 0n, new AbortController().signal).catch(() => null)
    return events === null || events.some(({ at }) => at <= cutOff)
  }

  return {
    async isOver(cutOff) {
      if (over === cutOff) return true
      const now = clock.now()
      const told = { cutOff: toRfc3339(cutOff) }
      const behind = await isBehind(cutOff)
      const until = waiting?.cutOff === cutOff ? waiting.until : ((now + WAIT_MS_MAX) as Instant)
      if (behind && now < until) {
        const before = waiting?.cutOff === cutOff ? waiting : { cutOff, since: now, until, toldAt: 0 }
        const tells = now - before.toldAt >= TELL_EVERY_MS
        if (tells)
          log.warn({ ...told, until: toRfc3339(until) }, 'a cut-off waits: cash flow has told of more than is taken in')
        waiting = { ...before, toldAt: tells ? now : before.toldAt }
        return false
      }
      if (behind) log.error(told, 'a cut-off is closed without what did not come in time: it is in the next batches')
      over = cutOff
      waiting = null
      return true
    },
    waiting: () => waiting,
  }
}
