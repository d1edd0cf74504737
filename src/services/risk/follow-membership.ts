import { assert } from '../../kernel/assert.ts'
import type { Sql } from '../../platform/database.ts'
import { type FeedSource, followFeed } from '../../platform/feed.ts'
import type { Log } from '../../platform/log.ts'
import type { Emit, Event, Outbox } from '../../platform/outbox.ts'
import { checkOf } from '../../platform/schema.ts'
import type { Tracer } from '../../platform/tracing.ts'
import type { Reviews } from './reviews.ts'
import { StandingChanged } from './schema.ts'

const checkChange = checkOf(StandingChanged)

/** A member who made a held transfer is frozen, or known better by now: the case of it has other facts. */
export function followMembership(options: {
  readonly source: FeedSource
  readonly outbox: Outbox
  readonly reviews: Reviews
  readonly tracer?: Tracer | null
  readonly log: Log
}): { close(): Promise<void> } {
  const { source, outbox, reviews, tracer = null, log } = options
  const apply = async ({ type, id, data }: Event, sql: Sql, emit: Emit): Promise<void> => {
    if (type !== 'standing.changed') return
    const change = checkChange(data)
    assert(change.ok, `the event ${id} says how a member stands`)
    const { member, status, level } = change.value
    await reviews.learn(sql, emit, { what: 'standing', member, status, level }, 'membership')
  }
  return followFeed({
    feed: 'membership',
    source,
    store: outbox,
    apply,
    versions: { 'standing.changed': 1 },
    tracer,
    log,
  })
}
