import { setTimeout as sleep } from 'node:timers/promises'
import { type Calls, follower } from './calls.ts'
import type { Told } from './explain.ts'
import { readSurely } from './resolve.ts'

type FeedEvent = { readonly seq: string; readonly id: string; readonly type: string; readonly subject: string }

export type Follower = {
  /** Reads to the head, and says what it was not told, was told twice, or was told otherwise before. */
  finish(told: Told): Promise<readonly string[]>
}

const CONCERNED = /^(transfer\.(posted|voided)|deposit\.posted|withdrawal\..*|exchange\.posted|credit_line\.set)$/

/** Follows the ledger's feed as another service does, whatever is killed meanwhile. */
export function followLedger(calls: Calls): Follower {
  const seen: FeedEvent[] = []
  const stop = new AbortController()
  const page = async (waitMs: number, after: number) =>
    (await calls.get(`/internal/feed?after=${after}&waitMs=${waitMs}`, follower))?.body as unknown as
      | { items?: readonly FeedEvent[] }
      | undefined
  const following = (async () => {
    while (!stop.signal.aborted) {
      const items = (await page(500, seen.length))?.items
      if (items === undefined) await sleep(20)
      else seen.push(...items)
    }
  })()

  return {
    async finish(told) {
      stop.abort()
      await following
      const all: FeedEvent[] = []
      for (;;) {
        const { body } = await readSurely(calls, `/internal/feed?after=${all.length}&waitMs=0`, follower)
        const { items } = body as unknown as { items: readonly FeedEvent[] }
        if (items.length === 0) break
        all.push(...items)
      }
      return [...compareSeen(seen, all), ...compareTold(told, all)]
    },
  }
}

function compareSeen(seen: readonly FeedEvent[], all: readonly FeedEvent[]): string[] {
  const gaps = all
    .flatMap(({ seq }, at) => (Number(seq) === at + 1 ? [] : [`the feed has ${seq} at ${at + 1}`]))
    .slice(0, 1)
  const changed = seen.flatMap(({ id, seq }, at) => (all[at]?.id === id ? [] : [`event ${seq} was ${id} before`]))
  return [...gaps, ...changed.slice(0, 3)]
}

function compareTold(told: Told, all: readonly FeedEvent[]): string[] {
  const counts = new Map<string, number>()
  for (const { type, subject } of all) {
    if (CONCERNED.test(type)) counts.set(`${type} ${subject}`, (counts.get(`${type} ${subject}`) ?? 0) + 1)
  }
  const missing = [...told].flatMap(([what, times]) =>
    counts.get(what) === times ? [] : [`${what}: told ${counts.get(what)} times`],
  )
  const more = [...counts].flatMap(([what]) => (told.has(what) ? [] : [`${what}: told, and it is not so`]))
  return [...missing, ...more]
}
