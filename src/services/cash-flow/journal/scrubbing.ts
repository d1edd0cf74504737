import type { Leadership } from '../../../platform/journal/leadership.ts'
import { type Scrubbed, scrub } from '../../../platform/journal/scrub.ts'
import type { NamedStore } from './lead.ts'

/**
 * Reads each store through and compares it with the leader's log, while all goes on. `found`: by the place of the store what came of
 * it; null where it was not read yet by this process.
 */
export function createScrubbing(stores: readonly NamedStore[], found: (Scrubbed | null)[]) {
  let running: Promise<void> | null = null

  async function run(leadership: Leadership): Promise<void> {
    const end = await leadership.placeAt(leadership.state().committed)
    await Promise.all(
      stores.map(async ({ store }, place) => {
        for await (const scrubbed of scrub(store, end)) {
          found[place] = scrubbed
          if (leadership.ending !== null) return
        }
      }),
    )
  }

  return {
    /** Begins, unless it is under way. */
    begin(leadership: Leadership): void {
      if (running !== null) return
      found.fill(null) // what was found before says nothing of now
      running = run(leadership)
        .catch(() => {}) // it led no more: whoever leads is asked anew
        .finally(() => {
          running = null
        })
    },
    idle: async (): Promise<void> => {
      await running
    },
  }
}
