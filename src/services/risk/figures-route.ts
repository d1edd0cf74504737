import { DeskFigures } from '../../platform/desk-figures.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'

/** Stands before the cases by their ids: `figures` is none. */
export function figuresRoute(figures: () => Promise<DeskFigures>): ServiceRoute {
  return route({
    method: 'get',
    path: '/v1/cases/figures',
    operationId: 'readDeskFigures',
    summary: 'How the desk is doing: queues, what people and timers decided in 24 hours, holds, the fraud providers',
    callers: ['operator', 'service'],
    answers: { 200: DeskFigures },
    run: async () => ({ status: 200, body: await figures() }),
  })
}
