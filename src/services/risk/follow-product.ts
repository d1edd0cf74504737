import { Type } from 'typebox'
import { assert } from '../../kernel/assert.ts'
import type { Sql } from '../../platform/database.ts'
import { type FeedSource, followFeed } from '../../platform/feed.ts'
import type { Log } from '../../platform/log.ts'
import type { Event, Outbox } from '../../platform/outbox.ts'
import { checkOf } from '../../platform/schema.ts'
import type { Tracer } from '../../platform/tracing.ts'
import { keepTerms } from './product-terms.ts'

const checkChange = checkOf(Type.Object({ product: Type.String(), version: Type.Integer() }))

/** Limits, fee or conditions of a product are others by now: the timers look at the cases of accounts under it. */
export function followProduct(options: {
  readonly source: FeedSource
  readonly outbox: Outbox
  readonly tracer?: Tracer | null
  readonly log: Log
}): {
  close(): Promise<void>
} {
  const { source, outbox, tracer = null, log } = options
  const apply = async ({ type, id, data }: Event, sql: Sql): Promise<void> => {
    if (type !== 'product.changed') return
    const change = checkChange(data)
    assert(change.ok, `the event ${id} names a product and its version`)
    await keepTerms(sql, change.value)
  }
  return followFeed({ feed: 'product', source, store: outbox, apply, versions: { 'product.changed': 1 }, tracer, log })
}
