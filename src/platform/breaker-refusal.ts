import { type Instant, toRfc3339 } from '../kernel/clock.ts'
import type { ProblemExtras } from '../kernel/problem.ts'

/** No call may go out now. */
export type Refusal = {
  readonly kind: 'refused'
  readonly name: string
  /** Since when it has let nothing through but probes. */
  readonly since: Instant
  readonly retryAfterS: number
  /** By an operator, not by faults. */
  readonly isForced: boolean
  /** Of the faults that opened it, newest first. */
  readonly receipts: readonly string[]
}

/** What a refused caller is told: which breaker, since when, what opened it, and when to come again. */
export function refusedBy({ name, since, receipts, retryAfterS, isForced }: Refusal): ProblemExtras {
  const at = toRfc3339(since)
  return {
    detail: isForced
      ? `the breaker of ${name} is open: an operator keeps it so since ${at}; nothing was sent`
      : `the breaker of ${name} is open since ${at}; nothing was sent`,
    rule: `breaker/${name}`,
    breaker: { name, since: at, receipts },
    headers: { 'retry-after': String(retryAfterS) },
  }
}
