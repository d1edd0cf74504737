import type { Clock, Instant } from '../kernel/clock.ts'
import { beginOutage, type Outage } from './breaker-outage.ts'
import type { Refusal } from './breaker-refusal.ts'
import { type BreakerWindow, EVIDENCE_MAX, openWindow } from './breaker-window.ts'

export type BreakerOptions = {
  /** It opens when more than this part of the calls that ended within the window were faults, 0 to 1 … */
  readonly errorShare: number
  /** … and so many did end. */
  readonly volumeMin: number
  readonly windowMs: number
  /** How long it stays open before a probe; twice as long after each probe that failed, up to the limit. */
  readonly openMs: number
  readonly openMsMax: number
  /** Probes that must go well, one after the other, before it closes. */
  readonly successesToClose: number
}

/** A call may go out. How it ended is to be told, once; what comes too late to matter is passed over. */
export type Permit = {
  readonly kind: 'permit'
  good(): void
  /** The other side's fault, and nothing else; the evidence is what an operator can look up: a receipt. */
  fault(evidence: string | null): void
  /** It says nothing of the other side: the client hung up, or the mistake was our own. */
  neither(): void
}

/** An operator's word, above whatever the calls say. */
export type Forced = {
  readonly to: 'open' | 'closed'
  readonly by: string
  readonly reason: string
  /** When it ends by itself; null: when an operator says so. */
  readonly until: Instant | null
}

export type BreakerEvent = {
  readonly at: Instant
  readonly name: string
  /** `half_open`: a first probe went well. `released`: it is no longer forced. */
  readonly event: 'opened' | 'half_open' | 'closed' | 'forced_open' | 'forced_closed' | 'released'
  /** Who and why, where it was an operator. */
  readonly by: string | null
  readonly reason: string | null
  readonly evidence: readonly string[]
}

export type BreakerStatus = {
  readonly name: string
  readonly state: 'closed' | 'open' | 'half_open'
  /** When it opened, however many probes have failed since; or when it closed. */
  readonly since: Instant
  readonly forced: Forced | null
  /** When the next probe may go; null while none is needed, or it is forced. */
  readonly retryAt: Instant | null
  /** Of the faults that opened it, newest first. */
  readonly evidence: readonly string[]
  /** What ended within the window while it is closed, and what it has refused since it opened. */
  readonly counts: { readonly calls: number; readonly faults: number; readonly refused: number }
}

export interface Breaker {
  readonly name: string
  /** To be asked before each call. */
  enter(): Permit | Refusal
  /** Keeps it open or closed. */
  force(forced: Forced): void
  /** Lets it judge again: from forced open by way of probes, from forced closed with nothing counted. */
  release(by: string | null, reason: string | null): void
  status(): BreakerStatus
}

type Mode =
  | { readonly kind: 'closed'; readonly window: BreakerWindow }
  | { readonly kind: 'outage'; readonly outage: Outage }
  | { readonly kind: 'forced'; readonly forced: Forced }

const UNCOUNTED: Permit = { kind: 'permit', good() {}, fault() {}, neither() {} }
/** Nobody knows when an operator will let it go. */
const FORCED_RETRY_MS = 30_000

/**
 * A breaker: closed; open after too many faults; half open while single probes try the other side. opossum judges each time
 * of being closed, an `Outage` each time of not being it, and above both stands an operator's word. There are no timers:
 * what is due happens with the next call.
 */
export function createBreaker(
  name: string,
  options: BreakerOptions,
  clock: Clock,
  onEvent: (event: BreakerEvent) => void,
): Breaker {
  let since = clock.now()
  let evidence: readonly string[] = []
  let refused = 0
  let mode: Mode = { kind: 'closed', window: openWindow(options, clock, trip) }

  function tell(event: BreakerEvent['event'], by: string | null = null, reason: string | null = null): void {
    onEvent({ at: clock.now(), name, event, by, reason, evidence })
  }

  function enterMode(next: Mode, because: readonly string[] = []): void {
    if (mode.kind === 'closed') mode.window.close()
    if (mode.kind === 'outage') mode.outage.close()
    mode = next
    since = clock.now()
    evidence = because
    refused = 0
  }

  function trip(): void {
    enterMode(outageAfter(options.openMs), mode.kind === 'closed' ? mode.window.evidence() : [])
    tell('opened')
  }

  function outageAfter(pauseMs: number): Mode {
    const outage = beginOutage(options, clock, pauseMs, {
      mending: () => tell('half_open'),
      mended() {
        enterMode(closed())
        tell('closed')
      },
      failed(newest, wasMending) {
        if (newest !== null) evidence = [newest, ...evidence].slice(0, EVIDENCE_MAX)
        if (wasMending) tell('opened') // else it never was anything but open
      },
    })
    return { kind: 'outage', outage }
  }

  function closed(): Mode {
    return { kind: 'closed', window: openWindow(options, clock, trip) }
  }

  function refuse(waitMs: number, isForced: boolean): Refusal {
    refused += 1
    return {
      kind: 'refused',
      name,
      since,
      retryAfterS: Math.max(1, Math.ceil(waitMs / 1_000)),
      isForced,
      receipts: evidence,
    }
  }

  function release(by: string | null, reason: string | null): void {
    if (mode.kind !== 'forced') return
    enterMode(mode.forced.to === 'closed' ? closed() : outageAfter(0))
    tell('released', by, reason)
  }

  function releaseWhenDue(now: Instant): void {
    if (mode.kind === 'forced' && mode.forced.until !== null && now >= mode.forced.until)
      release(null, 'its time is over')
  }

  return {
    name,
    enter() {
      if (mode.kind === 'forced') releaseWhenDue(clock.now())
      if (mode.kind === 'closed') return mode.window.permit
      const now = clock.now()
      if (mode.kind === 'outage') return mode.outage.enter(now) ?? refuse(mode.outage.retryAt() - now, false)
      const { to, until } = mode.forced
      return to === 'closed' ? UNCOUNTED : refuse(until === null ? FORCED_RETRY_MS : until - now, true)
    },
    force(forced) {
      enterMode({ kind: 'forced', forced })
      tell(forced.to === 'open' ? 'forced_open' : 'forced_closed', forced.by, forced.reason)
    },
    release,
    status() {
      const now = clock.now()
      releaseWhenDue(now)
      const { calls, faults } = mode.kind === 'closed' ? mode.window.counts() : { calls: 0, faults: 0 }
      return {
        name,
        state: mode.kind === 'closed' ? 'closed' : mode.kind === 'outage' ? mode.outage.state(now) : mode.forced.to,
        since,
        forced: mode.kind === 'forced' ? mode.forced : null,
        retryAt: mode.kind === 'outage' ? mode.outage.retryAt() : null,
        evidence,
        counts: { calls, faults, refused },
      }
    },
  }
}
