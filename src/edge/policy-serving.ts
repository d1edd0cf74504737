import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from '../kernel/assert.ts'
import { type Clock, toRfc3339 } from '../kernel/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Bundle } from '../policy/index.ts'
import type { PolicySource } from './policy-checker.ts'
import type { Edition, HistoryEntry, PolicyHistory } from './policy-history.ts'
import type { Content } from './policy-pieces.ts'

/** What is in force, and where it came from. */
export type Serving = {
  readonly bundle: Bundle
  /** What it was made of, so that what lapses can be left out whatever has become of the files. */
  readonly content: Content
  /** `history`: the last good bundle, since the source had none to start with. */
  readonly source: PolicySource['from'] | 'history' | 'rollback'
  /** What a rollback has set aside. */
  readonly aside: Edition | null
}

/** As `/readyz` and the operator API tell it. */
export type PolicyStatus = {
  readonly bundle: string
  /** Why the newest edit is not in force, as `file:line:col: …`; null when it is. */
  readonly rejected: string | null
  readonly source: Serving['source']
  /** RFC 3339, when the bundle began to serve; a restart does not interrupt it. */
  readonly since: string
  /** RFC 3339, when it was last compiled. */
  readonly loaded: string
  /** What the source holds and a rollback has set aside: the digest, or why it is broken. */
  readonly aside: string | null
}

const WRITE_MS_MAX = 300

/** Swaps bundles, and writes into the history what began to serve and why. */
export function createServing(history: PolicyHistory, clock: Clock, log: Log) {
  let serving: Serving | null = null
  let loaded = ''

  function current(): Serving {
    assert(serving !== null, 'a store that is open serves a bundle')
    return serving
  }

  async function write(entry: HistoryEntry): Promise<boolean> {
    const late = sleep(WRITE_MS_MAX, new Error(`the disk takes longer than ${WRITE_MS_MAX} ms`), { ref: false })
    const fault = await Promise.race([history.began(entry).then(() => null), late]).catch((err: unknown) => err)
    if (fault === null) return true
    log.error({ err: fault, bundle: entry.digest }, 'policies: in force, but the history could not be written')
    return false
  }

  return {
    current,
    /**
     * Writes down that it serves, then lets it serve: after a kill no older one comes back. Where the disk does not take the
     * line, or not in time, it serves all the same. Returns whether it was taken, so that it outlives a restart.
     */
    async begin(next: Serving, why: HistoryEntry['why'], by: string | null = null): Promise<boolean> {
      const { digest } = next.bundle
      const at = toRfc3339(clock.now())
      const [last] = history.list()
      const goesOn = last?.digest === digest && last.aside?.edition === next.aside?.edition && why !== 'expiry'
      const isWritten = goesOn || (await write({ at, digest, why, by, aside: next.aside }))
      serving = next
      loaded = at
      log.info({ bundle: digest, why, by }, 'policies: in force')
      return isWritten
    },
    status(rejected: string | null): PolicyStatus {
      const { bundle, source, aside } = current()
      return {
        bundle: bundle.digest,
        rejected,
        source,
        since: history.list()[0]?.at ?? loaded,
        loaded,
        aside: aside === null ? null : (aside.bundle ?? aside.rejected),
      }
    },
  }
}
