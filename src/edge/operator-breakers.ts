import { type Request, type Response, Router } from 'express'
import type { Clock } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import { ForceRequest, forceBreaker } from '../platform/breaker-wire.ts'
import type { Principal } from '../platform/passport.ts'
import { checkOf } from '../platform/schema.ts'
import type { ServiceClient } from '../platform/service-client.ts'
import type { PlatformBreakers } from './breaker-board.ts'

const checkForce = checkOf(ForceRequest)

/** How the breakers stand, and an operator's word on one. Mounted behind the operator's door. */
export function createBreakerRoutes(
  breakers: PlatformBreakers,
  clock: Clock,
  passTo: (client: ServiceClient) => (request: Request, response: Response) => Promise<void>,
): Router {
  const routes = Router()
  routes.get('/', async (_request, response) => {
    response.json({ ...(await breakers.board()), next: null })
  })
  routes.post('/:name', async (request, response) => {
    const name = String(request.params['name'])
    const owner = breakers.ownerOf(name)
    if (owner !== null) return passTo(owner)(request, response)
    const checked = checkForce(request.body)
    if (!checked.ok) {
      throw new Problem('validation_failed', {
        detail: 'the body is {"force": "open" | "closed" | null, "reason": "…"}',
      })
    }
    const operator = response.locals['principal'] as Principal
    if (operator.kind !== 'operator') throw new Problem('insufficient_scope') // the door has asked; who says it is named
    response.json(forceBreaker(breakers.own, clock, name, operator.id, checked.value))
  })
  return routes
}
