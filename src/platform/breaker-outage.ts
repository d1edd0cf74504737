import type { Clock, Instant } from '../kernel/clock.ts'
import type { BreakerOptions, Permit } from './breaker.ts'

/** One time of not being closed: pauses, and after each a probe. */
export interface Outage {
  /** A permit for the one probe that may be under way; null for everybody else. */
  enter(now: Instant): Permit | null
  state(now: Instant): 'open' | 'half_open'
  /** When the next probe may go. */
  retryAt(): Instant
  /** Probes under way decide nothing any more. */
  close(): void
}

/** What becomes of it. */
export type OutageTold = {
  /** A first probe went well; more are wanted. */
  readonly mending: () => void
  readonly mended: () => void
  /** A probe failed; `wasMending` when others before it had gone well. */
  readonly failed: (evidence: string | null, wasMending: boolean) => void
}

/** A probe that has not ended by then has failed. */
const PROBE_MS_MAX = 60_000

/** Begins with a pause of `pauseMs`; each failed probe doubles the one after it, from `openMs` up to `openMsMax`. */
export function beginOutage(options: BreakerOptions, clock: Clock, pauseMs: number, told: OutageTold): Outage {
  let pausedAt = clock.now()
  let pausedMs = pauseMs
  let probe: { readonly sentAt: Instant } | null = null
  let goodInARow = 0

  const pause = (evidence: string | null): void => {
    const wasMending = goodInARow > 0
    probe = null
    goodInARow = 0
    pausedAt = clock.now()
    pausedMs = Math.min(Math.max(pausedMs * 2, options.openMs), options.openMsMax)
    told.failed(evidence, wasMending)
  }

  const succeed = (): void => {
    probe = null
    goodInARow += 1
    if (goodInARow >= options.successesToClose) told.mended()
    else if (goodInARow === 1) told.mending()
  }

  const sendProbe = (now: Instant): Permit => {
    const sent = { sentAt: now }
    probe = sent
    const isAwaited = (): boolean => probe === sent // not given up meanwhile
    return {
      kind: 'permit',
      good: () => void (isAwaited() && succeed()),
      fault: (evidence) => void (isAwaited() && pause(evidence)),
      neither() {
        if (isAwaited()) probe = null // the next call is the probe
      },
    }
  }

  /** A clock that was set back ends the pause. */
  const isPaused = (now: Instant): boolean => now >= pausedAt && now < pausedAt + pausedMs

  return {
    enter(now) {
      if (probe !== null && now - probe.sentAt >= PROBE_MS_MAX) pause(null)
      return probe === null && !isPaused(now) ? sendProbe(now) : null
    },
    state: (now) => (probe !== null || goodInARow > 0 || !isPaused(now) ? 'half_open' : 'open'),
    retryAt: () => (pausedAt + pausedMs) as Instant,
    close() {
      probe = null
    },
  }
}
