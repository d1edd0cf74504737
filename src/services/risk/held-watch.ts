import type { Clock, Instant } from '../../kernel/clock.ts'
import type { Database } from '../../platform/database.ts'
import { keepDoing } from '../../platform/every.ts'
import type { Log } from '../../platform/log.ts'
import { listUnowned } from './case-store.ts'

/** Money that cash flow has reserved for a review. */
export type Held = { readonly transfer: string; readonly heldAt: Instant; readonly expiresAt: Instant }

/**
 * A page of what was held before a time and still is, in the order of ids, after the given one. An empty one ends it.
 * @throws Problem when cash flow can't be asked
 */
export type HeldSource = (before: Instant, after: string, signal: AbortSignal) => Promise<readonly Held[]>

/** What was found: of so many holds these have no owner, which is to be none. */
export type Ownership = {
  readonly checkedAt: Instant
  readonly held: number
  readonly unowned: readonly Held[]
}

/** A case is opened from an event, milliseconds after the hold; so late it is missing. */
const GRACE_MS = 30_000
const LOOK_EVERY_MS = 10_000
/** More holds than people can decide; those behind it are looked at when these are gone. */
const PAGES_MAX = 20

export interface HeldWatch {
  /**
   * Holds what cash flow says against our cases: every held transfer has exactly one open case, with a queue and a timer
   * that ends before the hold does; or its case is decided, and the event that says so is under way.
   */
  check(graceMs?: number): Promise<Ownership>
  /** What the last look of its own found; null before the first. */
  last(): Ownership | null
  start(): void
  close(): Promise<void>
}

/** Watches over holds without a case. It is an alarm only: their own expiry releases the money. */
export function createHeldWatch(deps: {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  readonly held: HeldSource
}): HeldWatch {
  const { database, clock, log, held } = deps
  const stop = new AbortController()
  const told = new Set<string>()
  let found: Ownership | null = null
  let round: { close(): Promise<void> } | null = null

  const check = async (graceMs = GRACE_MS): Promise<Ownership> => {
    const checkedAt = clock.now()
    const before = (checkedAt - graceMs) as Instant
    const unowned: Held[] = []
    let count = 0
    for (let page = 0, after = ''; page < PAGES_MAX; page++) {
      const items = await held(before, after, stop.signal)
      const last = items.at(-1)
      if (last === undefined) break
      after = last.transfer
      count += items.length
      const ids = items.map(({ transfer }) => transfer)
      const missing = new Set(await database.transaction((sql) => listUnowned(sql, ids)))
      unowned.push(...items.filter(({ transfer }) => missing.has(transfer)))
    }
    return { checkedAt, held: count, unowned }
  }

  return {
    check,
    last: () => found,
    start() {
      const work = async (): Promise<boolean> => {
        found = await check().catch((err: unknown) => {
          if (!stop.signal.aborted) log.warn({ err }, 'holds: cash flow could not be asked')
          return found
        })
        for (const { transfer, heldAt, expiresAt } of found?.unowned ?? []) {
          if (told.has(transfer)) continue
          told.add(transfer)
          log.error(
            { transfer, heldAt, expiresAt },
            'a hold without a case: nobody decides on it, its expiry releases it',
          )
        }
        for (const transfer of told) {
          if (!found?.unowned.some((each) => each.transfer === transfer)) told.delete(transfer)
        }
        return false
      }
      round = keepDoing({ name: 'holds', everyMs: LOOK_EVERY_MS, log, work })
    },
    async close() {
      stop.abort()
      await round?.close()
    },
  }
}
