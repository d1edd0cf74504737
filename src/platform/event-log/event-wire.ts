import { type Static, Type } from 'typebox'
import type { Json } from '../../kernel/canonical-json.ts'
import type { Id } from '../../kernel/id.ts'
import type { Event } from '../outbox.ts'
import { checkOf } from '../schema.ts'

/** An event as it goes from one part to another, over HTTP and through Kafka. */
export const WireEvent = Type.Object({
  /** Counts the events of one service from 1, in commit order, without gaps. */
  seq: Type.String({ pattern: '^[0-9]{1,18}$' }),
  id: Type.String(),
  type: Type.String(),
  /** Of what `data` looks like; what a reader of the version before could not read is a new one. */
  version: Type.Optional(Type.Integer({ minimum: 1 })),
  subject: Type.String(),
  members: Type.Array(Type.String()),
  /** In milliseconds since 1970. */
  at: Type.Integer(),
  /** What it goes on with, where a trace is kept of what it came of (W3C Trace Context). */
  trace: Type.Optional(
    Type.Object({ traceparent: Type.String(), tracestate: Type.Union([Type.String(), Type.Null()]) }),
  ),
  data: Type.Unknown(),
})

export const checkWireEvent = checkOf(WireEvent)

export function eventOnWire(event: Event): Static<typeof WireEvent> {
  return { ...event, members: [...event.members], version: event.version ?? 1, seq: event.seq.toString() }
}

export function eventOfWire({ version = 1, ...event }: Static<typeof WireEvent>): Event {
  return { ...event, version, seq: BigInt(event.seq), id: event.id as Id<'event'>, data: event.data as Json }
}

/**
 * What keeps events in order in a log of several partitions: the account that money leaves, or that is spoken of; where there is
 * none, what it happened to.
 */
export function orderKeyOf({ data, subject }: Pick<Event, 'data' | 'subject'>): string {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return subject
  const { from, account } = data as Readonly<Record<string, Json>>
  return typeof from === 'string' ? from : typeof account === 'string' ? account : subject
}
