import { assert } from '../../kernel/assert.ts'
import { toRfc3339 } from '../../kernel/clock.ts'
import { isId } from '../../kernel/id.ts'
import { Problem } from '../../kernel/problem.ts'
import { limitOf, pageOf } from '../../platform/page.ts'
import type { Principal } from '../../platform/passport.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { refusalOf } from './errors.ts'
import type { Endpoint } from './model.ts'
import {
  EndpointParams,
  EndpointRegistration,
  Endpoints,
  EndpointsQuery,
  RegisteredEndpoint,
  WireEndpoint,
} from './schema.ts'
import type { MembershipService } from './service.ts'

const path = '/v1/webhook-endpoints'
const callers = ['member'] as const

/** Where a member is told. Operators have no endpoints, and so no business here. */
export function endpointRoutes(service: MembershipService): ServiceRoute[] {
  return [
    route({
      method: 'post',
      path,
      operationId: 'registerWebhookEndpoint',
      summary: 'Register an endpoint; the answer holds its signing secret, which is never shown again',
      callers,
      body: EndpointRegistration,
      answers: { 201: RegisteredEndpoint },
      async run({ body, passport }) {
        const outcome = await service.registerEndpoint(memberOf(passport.principal), body.url, body.events)
        if (outcome.kind !== 'registered') throw refusalOf(outcome)
        const { endpoint } = outcome
        const headers = { location: `${path}/${endpoint.id}`, 'cache-control': 'no-store' }
        return { status: 201, headers, body: { ...endpointOnWire(endpoint), secret: endpoint.secret } }
      },
    }),
    route({
      method: 'get',
      path,
      operationId: 'listWebhookEndpoints',
      summary: "The member's endpoints, oldest first",
      callers,
      query: EndpointsQuery,
      answers: { 200: Endpoints },
      async run({ query, passport }) {
        const limit = limitOf(query.limit)
        const endpoints = await service.listEndpoints(memberOf(passport.principal), query.cursor ?? '', limit + 1)
        return { status: 200, body: pageOf(endpoints, limit, ({ id }) => id, endpointOnWire) }
      },
    }),
    route({
      method: 'get',
      path: `${path}/:id`,
      operationId: 'readWebhookEndpoint',
      summary: 'One endpoint, without its secret',
      callers,
      params: EndpointParams,
      answers: { 200: WireEndpoint },
      async run({ params: { id }, passport }) {
        const endpoint = isId('endpoint', id) ? await service.readEndpoint(memberOf(passport.principal), id) : null
        if (endpoint === null) throw new Problem('not_found')
        return { status: 200, body: endpointOnWire(endpoint) }
      },
    }),
    route({
      method: 'delete',
      path: `${path}/:id`,
      operationId: 'removeWebhookEndpoint',
      summary: 'Remove an endpoint; what is queued for it is not sent',
      callers,
      params: EndpointParams,
      answers: { 204: null },
      async run({ params: { id }, passport }) {
        const removed = isId('endpoint', id) && (await service.removeEndpoint(memberOf(passport.principal), id))
        if (!removed) throw new Problem('not_found')
        return { status: 204 }
      },
    }),
  ]
}

export function memberOf(principal: Principal): string {
  assert(principal.kind === 'member', 'the door lets only members here')
  return principal.member
}

export function endpointOnWire({ id, url, events, createdAt, disabledAt }: Endpoint) {
  const state = disabledAt === null ? 'enabled' : 'disabled'
  return { id, version: 1, url, events, createdAt: toRfc3339(createdAt), state }
}
