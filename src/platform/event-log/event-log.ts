import type { ServiceName } from '../database.ts'
import type { FeedSource } from '../feed.ts'
import type { Outbox } from '../outbox.ts'
import type { LineSink } from './kafka-lines.ts'
import type { Place } from './place.ts'

/** What a service tells, and how far others have been told. */
export type Told = {
  readonly service: ServiceName
  readonly read: Outbox['read']
  readonly place: Place
}

export type Publisher = { close(): Promise<void> }

/**
 * Where the events of the services are kept for those who follow them. Whichever it is, a follower gets the events of one
 * service by their numbers, in order and without a gap, from any number on: what the writer numbered and committed.
 */
export interface EventLog {
  /** The events of a service, for one follower. Each follower has a source of its own. */
  feed(follower: string, service: ServiceName): FeedSource
  /** Takes what a service tells to where it is read, until closed. @throws Error with what an operator has to mend */
  publish(told: Told): Promise<Publisher>
  /** Where lines go that are no events of a service, by the topic's name; null: they stay where they are. */
  lines(topic: string): LineSink | null
  /** Where a service's events are read, for people. */
  whereabouts(service: ServiceName): string
  /** Ends what feeds have open. */
  close(): Promise<void>
}

/** Embedded: the outbox in the service's own database is the log, read through the service's door. */
export function createEmbeddedLog(sourceOf: EventLog['feed']): EventLog {
  return {
    feed: sourceOf,
    publish: async () => ({ close: async () => {} }),
    lines: () => null,
    whereabouts: (service) => `its own database, read at GET /internal/feed of ${service}`,
    close: async () => {},
  }
}
