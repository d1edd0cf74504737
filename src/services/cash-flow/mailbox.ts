import { Problem } from '../../kernel/problem.ts'
import type { Outbox } from '../../platform/outbox.ts'
import { countAccepted } from './store.ts'

/** How many accepted commands wait to be run, all in all and of one member. */
const WAITING_MAX = 10_000
const WAITING_OF_ONE_MAX = WAITING_MAX / 2
/** Between two looks at the store, in ms. */
const LOOK_MS = 200

export type MailboxLimits = { readonly waitingMax: number; readonly waitingOfOneMax: number }

/**
 * Room for commands that are accepted to be run later. Whoever finds none is refused before anything is written down; nobody
 * takes all of it. What waits is counted in the store, and what was let in since is added: it is never fewer than there are.
 */
export type Mailbox = {
  /** @throws Problem `overloaded`: nothing was accepted */
  admit(owner: string): Promise<void>
}

export function createMailbox(
  transaction: Outbox['transaction'],
  limits: MailboxLimits = { waitingMax: WAITING_MAX, waitingOfOneMax: WAITING_OF_ONE_MAX },
): Mailbox {
  let counts: Map<string, number> = new Map()
  let [all, lookedAt] = [0, Number.NEGATIVE_INFINITY]
  let looking: Promise<void> | null = null

  const look = async (): Promise<void> => {
    const before = new Map(counts)
    const kept = await transaction((sql) => countAccepted(sql))
    // What was let in while the store was asked may not stand there yet.
    for (const [owner, count] of counts) {
      const since = count - (before.get(owner) ?? 0)
      if (since > 0) kept.set(owner, (kept.get(owner) ?? 0) + since)
    }
    counts = kept
    all = [...counts.values()].reduce((sum, count) => sum + count, 0)
    lookedAt = performance.now()
  }

  return {
    async admit(owner) {
      if (performance.now() - lookedAt > LOOK_MS) {
        looking ??= look().finally(() => {
          looking = null
        })
        await looking
      }
      const own = counts.get(owner) ?? 0
      if (all >= limits.waitingMax) throw full('too many accepted transfers wait to be made')
      if (own >= limits.waitingOfOneMax) throw full('too many of your accepted transfers wait to be made')
      counts.set(owner, own + 1)
      all += 1
    },
  }
}

function full(why: string): Problem {
  return new Problem('overloaded', { detail: `${why}; nothing was accepted`, headers: { 'retry-after': '1' } })
}
