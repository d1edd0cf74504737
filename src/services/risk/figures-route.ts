import { Type } from 'typebox'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { MoneyShape } from '../../platform/wire.ts'
import { nullable } from './case-schema.ts'
import type { DeskFigures } from './figures.ts'
import { CASE_KINDS } from './model.ts'

const Figures = Type.Object({
  queues: Type.Array(
    Type.Object({
      queue: Type.String(),
      kind: Type.Enum([...CASE_KINDS]),
      open: Type.Integer(),
      oldestS: Type.Number(),
      money: MoneyShape,
    }),
  ),
  decided: Type.Array(Type.Object({ rule: Type.String(), state: Type.String(), cases: Type.Integer() })),
  timedOut: Type.Array(Type.Object({ state: Type.String(), cases: Type.Integer() })),
  heldS: Type.Object({ p50: Type.Number(), p95: Type.Number() }),
  fallback: Type.Array(Type.Object({ outcome: Type.String(), assessments: Type.Integer() })),
  holds: nullable(Type.Object({ held: Type.Integer(), unowned: Type.Integer() })),
  providers: Type.Array(
    Type.Object({
      name: Type.String(),
      asked: Type.Record(Type.String(), Type.Integer()),
      /** Of the histogram `tidegate_provider_seconds`, each within its bound and above the one before. */
      buckets: Type.Array(Type.Integer()),
      sumS: Type.Number(),
      cost: nullable(MoneyShape),
    }),
  ),
})

/** Stands before the cases by their ids: `figures` is none. */
export function figuresRoute(figures: () => Promise<DeskFigures>): ServiceRoute {
  return route({
    method: 'get',
    path: '/v1/cases/figures',
    operationId: 'readDeskFigures',
    summary: 'How the desk is doing: queues, what people and timers decided in 24 hours, holds, the fraud providers',
    callers: ['operator', 'service'],
    answers: { 200: Figures },
    run: async () => ({ status: 200, body: await figures() }),
  })
}
