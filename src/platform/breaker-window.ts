import { EventEmitter } from 'node:events'
import CircuitBreaker from 'opossum'
import type { Clock, Instant } from '../kernel/clock.ts'
import type { BreakerOptions, Permit } from './breaker.ts'

/** One time of being closed: opossum counts the outcomes of a rolling window, and trips when too many were faults. */
export interface BreakerWindow {
  /** The same for every call: nothing is made on the way of a request. */
  readonly permit: Permit
  /** Of the calls that ended within the window. */
  counts(): { readonly calls: number; readonly faults: number }
  /** What the newest faults in the window left behind as evidence, newest first. */
  evidence(): readonly string[]
  /** Nothing counts any more: calls of an earlier time do not judge a later one. */
  close(): void
}

export const EVIDENCE_MAX = 10
const BUCKETS = 10
const FAULT = new Error('a fault of the other side')
const fail = (): never => {
  throw FAULT // at once, so that the next call finds the breaker open
}

/** `onTripped` is called once, while the outcome that was too much is told. */
export function openWindow(options: BreakerOptions, clock: Clock, onTripped: () => void): BreakerWindow {
  const { windowMs, volumeMin, errorShare } = options
  const bucketMs = Math.ceil(windowMs / BUCKETS)
  const rotation = new EventEmitter()
  const opossum = new CircuitBreaker(fail, {
    timeout: false, // it is told how calls ended; their deadlines are the callers' own
    volumeThreshold: volumeMin,
    errorThresholdPercentage: errorShare * 100,
    rollingCountTimeout: windowMs,
    rollingCountBuckets: BUCKETS,
    rotateBucketController: rotation, // by our clock, and no timer
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
  })
  opossum.once('open', onTripped)
  let rollsAt = clock.now() + bucketMs
  const faults: { readonly at: Instant; readonly evidence: string }[] = []

  /** By when calls end, not by when others begin: a call may hang for longer than the window is. */
  const roll = (): Instant => {
    const now = clock.now()
    if (now < rollsAt && rollsAt - now <= bucketMs) return now // the second: the clock was not set back
    const due = Math.floor((now - rollsAt) / bucketMs) + 1
    for (let n = 0; n < Math.min(Math.max(due, 1), BUCKETS); n++) rotation.emit('rotate')
    rollsAt = now + bucketMs
    return now
  }

  return {
    permit: {
      kind: 'permit',
      good() {
        if (opossum.isShutdown) return
        roll()
        opossum.emit('fire') // by which opossum counts a call; of one that went well it needs to know no more
      },
      fault(evidence) {
        if (opossum.isShutdown) return
        const at = roll()
        if (evidence !== null) faults.unshift({ at, evidence })
        if (faults.length > EVIDENCE_MAX) faults.pop()
        opossum.fire().catch(() => {})
      },
      neither() {},
    },
    counts() {
      roll()
      const { fires, failures } = opossum.stats
      return { calls: fires, faults: failures }
    },
    evidence() {
      const now = clock.now()
      return faults.filter(({ at }) => now - at < windowMs).map(({ evidence }) => evidence)
    },
    close: () => opossum.shutdown(),
  }
}
