import type { ServerSentEvent } from '../../platform/server-sent-events.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { isFinal, type Operation } from './model.ts'
import { operationOnWire } from './presenters.ts'
import type { Reads } from './reads.ts'
import { actorOf } from './requests.ts'
import { ById, OperationOnWire, OperationQuery } from './schema.ts'

/** A stream ends after this long; the reader comes again with its Last-Event-ID, and with a token that is still good. */
const STREAM_MS_MAX = 10 * 60_000

export function operationRoutes(reads: Reads): readonly ServiceRoute[] {
  return [
    route({
      method: 'get',
      path: '/v1/operations/:id',
      operationId: 'readOperation',
      summary: 'An operation as it stands, or with wait as soon as it changes',
      callers: ['member', 'operator', 'service'],
      params: ById,
      query: OperationQuery,
      answers: { 200: OperationOnWire },
      async run({ params, query, passport, signal }) {
        const waitMs = Number(query.wait ?? 0) * 1_000
        const operation = await reads.changedOperation(params.id, actorOf(passport.principal), waitMs, signal)
        return { status: 200, body: operationOnWire(operation) }
      },
    }),
    route({
      method: 'get',
      path: '/v1/operations/:id/events',
      operationId: 'followOperation',
      summary: 'The present state and each change until the final one, as server-sent events',
      params: ById,
      answers: { 200: null, 204: null },
      async run({ params, passport, headers, signal }) {
        const operation = await reads.operation(params.id, actorOf(passport.principal))
        const seen = lastSeen(headers['last-event-id'])
        // A browser comes again to a stream that ended, unless it is told that nothing more will come.
        if (isFinal(operation.state) && seen !== null && seen >= operation.version) return { status: 204 }
        const after = Math.min(seen ?? operation.version - 1, operation.version)
        const end = AbortSignal.any([signal, AbortSignal.timeout(STREAM_MS_MAX)])
        return { status: 200, events: eventsOf(reads.follow(operation.id, after, end)) }
      },
    }),
  ]
}

/** The version that a reader saw last; null when it starts, or sends an id that was never ours. */
function lastSeen(header: string | string[] | undefined): number | null {
  return typeof header === 'string' && /^\d{1,12}$/.test(header) ? Number(header) : null
}

async function* eventsOf(states: AsyncIterable<Operation>): AsyncGenerator<ServerSentEvent> {
  for await (const state of states) {
    yield { id: String(state.version), event: `operation.${state.state}`, data: operationOnWire(state) }
  }
}
