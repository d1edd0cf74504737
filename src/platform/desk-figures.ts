import { type Static, Type } from 'typebox'
import { MoneyShape } from './wire.ts'

/**
 * How the review desk is doing, as risk control says it and the edge's metrics show it. What happens is told of the last 24
 * hours, so that no count grows with the table.
 */
export const DeskFigures = Type.Object({
  queues: Type.Array(
    Type.Object({
      queue: Type.String(),
      kind: Type.Enum(['held', 'passed']),
      open: Type.Integer(),
      oldestS: Type.Number(),
      money: MoneyShape,
    }),
  ),
  /** Decided by people, for each rule that asked them: what they let pass was overturned. */
  decided: Type.Array(Type.Object({ rule: Type.String(), state: Type.String(), cases: Type.Integer() })),
  /** Ended by their timers. */
  timedOut: Type.Array(Type.Object({ state: Type.String(), cases: Type.Integer() })),
  /** How long money was held, of cases that are closed: half of them, and 19 of 20, no longer. */
  heldS: Type.Object({ p50: Type.Number(), p95: Type.Number() }),
  /** Decisions without an answer of the fraud provider. */
  fallback: Type.Array(Type.Object({ outcome: Type.String(), assessments: Type.Integer() })),
  /** What cash flow holds for reviews longer than half a minute, and what of it has no case; null before the first look. */
  holds: Type.Union([Type.Object({ held: Type.Integer(), unowned: Type.Integer() }), Type.Null()]),
  /** Since the process of risk control began. */
  providers: Type.Array(
    Type.Object({
      name: Type.String(),
      asked: Type.Record(Type.String(), Type.Integer()),
      /** Of the histogram `tidegate_provider_seconds`, each within its bound and above the one before. */
      buckets: Type.Array(Type.Integer()),
      sumS: Type.Number(),
      cost: Type.Union([MoneyShape, Type.Null()]),
    }),
  ),
})
export type DeskFigures = Static<typeof DeskFigures>
