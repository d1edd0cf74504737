import type { Dispatcher } from 'undici'
import type { Clock, Instant } from '../../kernel/clock.ts'
import { fetchKeySet } from './key-fetch.ts'
import type { Algorithm, KeySet, VerificationKey } from './key-policy.ts'

/** The keys of one issuer as they are published, fetched in the background and kept for a while when they can't be. */
export interface IssuerKeys {
  /**
   * The key a token names, or the only one where it names none; null when the issuer publishes no such key.
   * @throws Error when there are no keys to go by
   */
  find(kid: string | null): Promise<VerificationKey | null>
  /** Whether a key that verified a token is still believed. */
  isCurrent(thumbprint: string): boolean
  state(): IssuerKeysState
  close(): void
}

export type IssuerKeysState = {
  readonly kids: readonly (string | null)[]
  readonly leftOut: readonly string[]
  readonly fetchedAt: Instant | null
  readonly attempts: number
  /** Why the newest attempt failed; null when it did not. */
  readonly lastError: string | null
}

export type IssuerKeysOptions = {
  readonly url: string
  readonly algorithms: readonly Algorithm[]
  /** A key that the issuer no longer publishes verifies nothing after this long. */
  readonly refreshMs: number
  /** Between two fetches that tokens cause: made-up kids, or an issuer that is away, can not make more. */
  readonly cooldownMs: number
  /** How long the last good set is believed while no newer one can be had. */
  readonly staleMsMax: number
  readonly dispatcher: Dispatcher
  readonly clock: Clock
  /** Told once of each new fault of the issuer's, and of its end (null). */
  readonly onFault: (fault: string | null) => void
}

const UNKNOWN_KIDS_MAX = 1_000

export function createIssuerKeys(options: IssuerKeysOptions): IssuerKeys {
  const { url, algorithms, refreshMs, cooldownMs, staleMsMax, dispatcher, clock, onFault } = options
  let set: KeySet = { keys: [], leftOut: [] }
  let thumbprints: ReadonlySet<string> = new Set()
  let fetchedAt: Instant | null = null
  let attemptedAt = Number.NEGATIVE_INFINITY
  let attempts = 0
  let lastError: string | null = null
  let fetching: Promise<void> | null = null
  const unknown = new Set<string>() // kids that the present set was asked for in vain

  const fetchOnce = async (): Promise<void> => {
    attempts += 1
    const fetched = await fetchKeySet(url, algorithms, dispatcher)
    attemptedAt = clock.now()
    const fault = typeof fetched === 'string' ? fetched : null
    if (fault !== lastError) onFault(fault)
    lastError = fault
    if (typeof fetched === 'string') return
    set = fetched
    thumbprints = new Set(fetched.keys.map(({ thumbprint }) => thumbprint))
    fetchedAt = clock.now()
    unknown.clear()
  }
  /** However many ask, one fetch is under way. */
  const refresh = (): Promise<void> => {
    fetching ??= fetchOnce().finally(() => {
      fetching = null
    })
    return fetching
  }
  const isFresh = (): boolean => fetchedAt !== null && clock.now() - fetchedAt <= staleMsMax
  const mayAsk = (): boolean => fetching !== null || clock.now() - attemptedAt >= cooldownMs
  const lookUp = (kid: string | null): VerificationKey | null => {
    if (kid !== null) return set.keys.find((key) => key.kid === kid) ?? null
    return set.keys.length === 1 ? (set.keys[0] ?? null) : null // several: trying them all out is the caller's wish, not ours
  }

  const timer = setInterval(() => void refresh(), refreshMs)
  timer.unref()
  void refresh()

  return {
    async find(kid) {
      if (!isFresh() && mayAsk()) await refresh()
      if (!isFresh()) throw new Error(lastError ?? 'the keys of the issuer are not there yet')
      const known = lookUp(kid)
      if (known !== null || kid === null || unknown.has(kid) || !mayAsk()) return known
      await refresh()
      const found = lookUp(kid)
      // After a fetch that failed nothing is known of the kid: it may be the one that was rotated in.
      if (found === null && lastError === null && unknown.size < UNKNOWN_KIDS_MAX) unknown.add(kid)
      return found
    },
    isCurrent: (thumbprint) => isFresh() && thumbprints.has(thumbprint),
    state: () => ({ kids: set.keys.map(({ kid }) => kid), leftOut: set.leftOut, fetchedAt, attempts, lastError }),
    close: () => clearInterval(timer),
  }
}
