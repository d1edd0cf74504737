import { toRfc3339 } from '../../kernel/clock.ts'
import { isId } from '../../kernel/id.ts'
import { Problem } from '../../kernel/problem.ts'
import type { KeptDelivery } from '../../platform/delivery-queue.ts'
import { limitOf, pageOf } from '../../platform/page.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { endpointOnWire, memberOf } from './endpoint-routes.ts'
import { SECRETS_MAX } from './model.ts'
import {
  Deliveries,
  DeliveriesQuery,
  DeliveryParams,
  EndpointParams,
  RotatedEndpoint,
  WireDelivery,
  WireEndpoint,
} from './schema.ts'
import type { MembershipService } from './service.ts'

const path = '/v1/webhook-endpoints/:id'
const callers = ['member'] as const

/** What a member does about an endpoint: another secret, what was sent, send it again, send there again. */
export function deliveryRoutes(service: MembershipService): ServiceRoute[] {
  return [
    route({
      method: 'post',
      path: `${path}/rotate-secret`,
      operationId: 'rotateWebhookSecret',
      summary: 'A new secret, which is never shown again; the one before signs beside it for a day',
      callers,
      params: EndpointParams,
      answers: { 200: RotatedEndpoint },
      async run({ params: { id }, passport }) {
        const outcome = isId('endpoint', id) ? await service.rotateSecret(memberOf(passport.principal), id) : null
        if (outcome === null || outcome.kind === 'not_found') throw new Problem('not_found')
        if (outcome.kind === 'too_many') {
          throw new Problem('conflict', { detail: `an endpoint has at most ${SECRETS_MAX} secrets at once` })
        }
        const { endpoint, oldUntil } = outcome
        const body = { ...endpointOnWire(endpoint), secret: endpoint.secret, oldSecretUntil: toRfc3339(oldUntil) }
        return { status: 200, headers: { 'cache-control': 'no-store' }, body }
      },
    }),
    route({
      method: 'post',
      path: `${path}/enable`,
      operationId: 'enableWebhookEndpoint',
      summary: 'Send there again; what happened meanwhile is read at /v1/events',
      callers,
      params: EndpointParams,
      answers: { 200: WireEndpoint },
      async run({ params: { id }, passport }) {
        const endpoint = isId('endpoint', id) ? await service.enableEndpoint(memberOf(passport.principal), id) : null
        if (endpoint === null) throw new Problem('not_found')
        return { status: 200, body: endpointOnWire(endpoint) }
      },
    }),
    route({
      method: 'get',
      path: `${path}/deliveries`,
      operationId: 'listDeliveries',
      summary: 'What was sent there and what became of it, newest first',
      callers,
      params: EndpointParams,
      query: DeliveriesQuery,
      answers: { 200: Deliveries },
      async run({ params: { id }, query, passport }) {
        const limit = limitOf(query.limit)
        const before = query.cursor === undefined ? null : BigInt(query.cursor)
        const member = memberOf(passport.principal)
        const found = isId('endpoint', id) ? await service.listDeliveries(member, id, before, limit + 1) : null
        if (found === null) throw new Problem('not_found')
        return { status: 200, body: pageOf(found, limit, ({ sequence }) => sequence.toString(), deliveryOnWire) }
      },
    }),
    route({
      method: 'post',
      path: `${path}/deliveries/:sequence/redeliver`,
      operationId: 'redeliver',
      summary: 'Send a message again, under its own id',
      callers,
      params: DeliveryParams,
      answers: { 202: WireDelivery },
      async run({ params: { id, sequence }, passport }) {
        const member = memberOf(passport.principal)
        const found = isId('endpoint', id) ? await service.redeliver(member, id, BigInt(sequence)) : null
        if (found === null) throw new Problem('not_found')
        return { status: 202, body: deliveryOnWire(found) }
      },
    }),
  ]
}

export function deliveryOnWire({ id, sequence, state, tries, nextTryAt, error, createdAt }: KeptDelivery) {
  const next = state === 'pending' ? toRfc3339(nextTryAt) : null
  return { id, sequence: Number(sequence), state, tries, nextTryAt: next, error, createdAt: toRfc3339(createdAt) }
}
