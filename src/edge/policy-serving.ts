import { assert } from '../kernel/assert.ts'
import { type Clock, toRfc3339 } from '../kernel/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Bundle } from '../policy/index.ts'
import type { PolicySource } from './policy-checker.ts'
import type { Edition, HistoryEntry, PolicyHistory } from './policy-history.ts'

/** What is in force, and where it came from. */
export type Serving = {
  readonly bundle: Bundle
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

/** Swaps bundles, and writes into the history what began to serve and why. */
export function createServing(history: PolicyHistory, clock: Clock, log: Log) {
  let serving: Serving | null = null
  let loaded = ''

  function current(): Serving {
    assert(serving !== null, 'a store that is open serves a bundle')
    return serving
  }

  return {
    current,
    /** In force when this returns; the promise says whether it is written down, so that it outlives a restart. */
    begin(next: Serving, why: HistoryEntry['why'], by: string | null = null): Promise<boolean> {
      serving = next
      loaded = toRfc3339(clock.now())
      const { digest } = next.bundle
      log.info({ bundle: digest, why, by }, 'policies: in force')
      const [last] = history.list()
      const goesOn = last?.digest === digest && last.aside?.edition === next.aside?.edition
      if (goesOn && why !== 'expiry') return Promise.resolve(true)
      return history.began({ at: loaded, digest, why, by, aside: next.aside }).then(
        () => true,
        (err: unknown) => {
          log.error({ err, bundle: digest }, 'policies: in force, but the history could not be written')
          return false
        },
      )
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
