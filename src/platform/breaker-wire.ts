import { type Static, Type } from 'typebox'
import { type Clock, fromRfc3339, toRfc3339 } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import type { BreakerEvent, BreakerStatus } from './breaker.ts'
import type { Breakers } from './breakers.ts'
import { line } from './wire.ts'

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const time = Type.String()

const Status = Type.Object({
  name: Type.String(),
  state: Type.Enum(['closed', 'open', 'half_open']),
  since: time,
  forced: nullable(
    Type.Object({ to: Type.Enum(['open', 'closed']), by: Type.String(), reason: Type.String(), until: nullable(time) }),
  ),
  retryAt: nullable(time),
  /** Receipts, or a payout's id: of the faults that opened it, newest first. */
  evidence: Type.Array(Type.String()),
  counts: Type.Object({ calls: Type.Integer(), faults: Type.Integer(), refused: Type.Integer() }),
})

const Happened = Type.Object({
  at: time,
  name: Type.String(),
  event: Type.Enum(['opened', 'half_open', 'closed', 'forced_open', 'forced_closed', 'released']),
  by: nullable(Type.String()),
  reason: nullable(Type.String()),
  evidence: Type.Array(Type.String()),
})

/** The breakers of a part as operators see them; events newest first. */
export const BreakerBoard = Type.Object({ items: Type.Array(Status), events: Type.Array(Happened) })
export type BreakerBoard = Static<typeof BreakerBoard>

/** An operator's word: `force: null` takes it back. Without `until` it lasts until then. */
export const ForceRequest = Type.Object(
  {
    force: nullable(Type.Enum(['open', 'closed'])),
    reason: line(200),
    until: Type.Optional(Type.String({ maxLength: 40 })),
  },
  { additionalProperties: false },
)
export type ForceRequest = Static<typeof ForceRequest>

export function boardOf(breakers: Breakers): BreakerBoard {
  return {
    items: breakers.all().map((breaker) => wireStatus(breaker.status())),
    events: breakers.events().map(wireEvent),
  }
}

/** Does what the operator asks, in his name. @throws Problem `not_found`, or `unacceptable_value` for a time that is over */
export function forceBreaker(
  breakers: Breakers,
  clock: Clock,
  name: string,
  by: string,
  { force, reason, until }: ForceRequest,
): BreakerBoard['items'][number] {
  const breaker = breakers.find(name)
  if (breaker === null) throw new Problem('not_found', { detail: 'there is no breaker of this name' })
  if (force === null) breaker.release(by, reason)
  else {
    const ends = until === undefined ? null : fromRfc3339(until)
    if (until !== undefined && (ends === null || ends <= clock.now())) {
      throw new Problem('unacceptable_value', { detail: '`until` is no time to come' })
    }
    breaker.force({ to: force, by, reason, until: ends })
  }
  return wireStatus(breaker.status())
}

function wireStatus({ since, retryAt, forced, evidence, ...status }: BreakerStatus): BreakerBoard['items'][number] {
  return {
    ...status,
    since: toRfc3339(since),
    retryAt: retryAt === null ? null : toRfc3339(retryAt),
    forced: forced === null ? null : { ...forced, until: forced.until === null ? null : toRfc3339(forced.until) },
    evidence: [...evidence],
  }
}

function wireEvent({ at, evidence, ...event }: BreakerEvent): BreakerBoard['events'][number] {
  return { ...event, at: toRfc3339(at), evidence: [...evidence] }
}
