import { Type } from 'typebox'
import type { Clock } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import { BreakerBoard, boardOf, ForceRequest, forceBreaker } from './breaker-wire.ts'
import type { Breakers } from './breakers.ts'
import { route, type ServiceRoute } from './service-route.ts'

const Name = Type.Object({ name: Type.String({ maxLength: 128 }) }, { additionalProperties: false })

/** The breakers of a service, for the edge's operator API. */
export function breakerRoutes(breakers: Breakers, clock: Clock): readonly ServiceRoute[] {
  return [
    route({
      method: 'get',
      path: '/v1/breakers',
      operationId: 'listBreakers',
      summary: 'The breakers of this service, and the last events of theirs',
      callers: ['operator', 'service'],
      answers: { 200: BreakerBoard },
      run: async () => ({ status: 200, body: boardOf(breakers) }),
    }),
    route({
      method: 'post',
      path: '/v1/breakers/:name',
      operationId: 'forceBreaker',
      summary: 'Keep a breaker open or closed, or let it judge again',
      callers: ['operator'],
      params: Name,
      body: ForceRequest,
      answers: { 200: BreakerBoard.properties.items.items },
      async run({ passport: { principal }, params, body }) {
        if (principal.kind !== 'operator') throw new Problem('not_found')
        return { status: 200, body: forceBreaker(breakers, clock, params.name, principal.id, body) }
      },
    }),
  ]
}
