import type { Event } from './outbox.ts'
import type { Unnumbered } from './outbox-pages.ts'

/** As many as a few pages of a feed: who is further behind reads the store, and the collector has little to carry along. */
const REMEMBERED_MAX = 800
/** Of so many, where there would be more. */
const KEPT = REMEMBERED_MAX / 2

/** The newest events of an outbox that this process has committed, one number after the other. */
export type NewestEvents = {
  /** What was committed under the numbers up to `last`. What another process has told in between is not here, nor what came before. */
  add(last: bigint, events: readonly Unnumbered[]): void
  /** The events after a number, at most so many; none where they are not here, or none is known of. */
  after(after: bigint, limit: number): readonly Event[]
}

/** Whoever follows closely reads what is remembered: nothing is asked of the store, nor unpacked. */
export function rememberNewest(): NewestEvents {
  let remembered: Event[] = []
  return {
    add(last, events) {
      const first = last - BigInt(events.length - 1)
      if (remembered.at(-1)?.seq !== first - 1n) remembered = []
      const tooMany = remembered.length + events.length > REMEMBERED_MAX
      const added = tooMany ? events.slice(-KEPT) : events
      if (tooMany) remembered = remembered.slice(remembered.length + added.length - KEPT)
      const from = last - BigInt(added.length - 1)
      for (const [index, event] of added.entries()) remembered.push({ seq: from + BigInt(index), ...event })
    },
    after(after, limit) {
      const first = remembered[0]?.seq ?? 0n
      if (first === 0n || after < first - 1n) return []
      const from = Number(after - first + 1n)
      return remembered.slice(from, from + limit)
    },
  }
}
