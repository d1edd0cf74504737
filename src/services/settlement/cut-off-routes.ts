import { Type } from 'typebox'
import { toRfc3339 } from '../../kernel/clock.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import type { FeedBehind } from './feed-behind.ts'

const closed = { additionalProperties: false } as const
const WireWaiting = Type.Object(
  { cutOff: Type.String(), since: Type.String(), until: Type.String({ description: 'closed then at the latest' }) },
  closed,
)
const WireWaitings = Type.Object({ items: Type.Array(WireWaiting), next: Type.Null() }, closed)

/** What this process waits for before it closes anything. */
export function waitingRoute(behind: FeedBehind): ServiceRoute {
  return route({
    method: 'get',
    path: '/v1/cut-offs/waiting',
    operationId: 'listWaitingCutOffs',
    summary:
      'The cut-off of the calendar that waits until what was posted by then has been taken in; empty when none does',
    callers: ['operator'],
    answers: { 200: WireWaitings },
    async run() {
      const waiting = behind.waiting()
      if (waiting === null) return { status: 200, body: { items: [], next: null } }
      const { cutOff, since, until } = waiting
      const item = { cutOff: toRfc3339(cutOff), since: toRfc3339(since), until: toRfc3339(until) }
      return { status: 200, body: { items: [item], next: null } }
    },
  })
}
