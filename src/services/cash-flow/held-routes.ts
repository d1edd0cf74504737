import { Type } from 'typebox'
import { fromRfc3339, toRfc3339 } from '../../kernel/clock.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Outbox } from '../../platform/outbox.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { listHeld } from './store.ts'

const AT_ONCE_MAX = 1_000

const Held = Type.Object({
  items: Type.Array(Type.Object({ transfer: Type.String(), heldAt: Type.String(), expiresAt: Type.String() })),
})

/** What waits for a review, for risk control to hold against its cases: a page in the order of the transfers' ids. */
export function heldRoute(outbox: Pick<Outbox, 'transaction'>): ServiceRoute {
  return route({
    method: 'get',
    path: '/internal/held',
    operationId: 'listHeld',
    summary: 'Transfers that were held before a time and wait for a review still',
    callers: ['service'],
    query: Type.Object(
      { before: Type.String(), after: Type.String({ pattern: '^[A-Za-z0-9_-]{0,80}$' }) },
      { additionalProperties: false },
    ),
    answers: { 200: Held },
    async run({ query }) {
      const before = fromRfc3339(query.before)
      if (before === null) throw new Problem('validation_failed', { detail: '`before` is an RFC 3339 time' })
      const held = await outbox.transaction((sql) => listHeld(sql, before, query.after, AT_ONCE_MAX))
      const items = held.map(({ transfer, heldAt, expiresAt }) => {
        return { transfer, heldAt: toRfc3339(heldAt), expiresAt: toRfc3339(expiresAt) }
      })
      return { status: 200, body: { items } }
    },
  })
}
