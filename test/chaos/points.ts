import type { Batch } from '../../src/services/cash-flow/append.ts'
import type { Points } from '../../src/services/cash-flow/points.ts'
import type { FactTable } from '../../src/services/cash-flow/store/columns.ts'

const writes =
  (table: FactTable) =>
  ({ facts }: Batch): boolean =>
    facts.has(table)
const makes = (kind: string) => (batch: Batch) => says(batch, 'transfer', 'kind', kind)
const resolves = (outcome: string) => (batch: Batch) => says(batch, 'hold_resolution', 'outcome', outcome)

function says({ facts }: Batch, table: FactTable, column: string, text: string): boolean {
  return facts.get(table)?.elements[column]?.split(/[,"]/).includes(text) ?? false
}

/** What a batch may write that makes it another step than the rest. */
const STEPS: Readonly<Record<string, (batch: Batch) => boolean>> = {
  'a transfer': makes('transfer'),
  'a transfer with legs': ({ facts }) => facts.get('transfer')?.elements['legs'] !== undefined,
  'a deposit': makes('deposit'),
  'a reversal': writes('reversal'),
  'a withdrawal': makes('withdrawal'),
  'a withdrawal, ended': writes('withdrawal_end'),
  'a crossing, reserved': ({ work }) => work.has('crossing'),
  'a crossing, arrived': writes('arrival'),
  'a crossing, posted': ({ done }) => done.has('crossing'),
  'a hold, captured': resolves('captured'),
  'a hold, declined': resolves('declined'),
  'a hold, expired': resolves('expired'),
  'a hold, voided': resolves('voided'),
  'a command, accepted': ({ work }) => work.has('accepted_command'),
  'an accepted command, run': ({ done }) => done.has('accepted_command'),
  'an exchange': writes('exchange'),
  'a credit line': writes('credit_line'),
}
const OF_BATCHES = ['batch decided', 'batch sent', 'batch committed'] as const
const EVENTS_READ = 'events read'
const OTHERS = ['shard taken', 'work listed', 'decision kept', EVENTS_READ]

/** Every named point: those of batches once for each kind of step. */
export const NAMED_POINTS: readonly string[] = [
  ...Object.keys(STEPS).flatMap((step) => OF_BATCHES.map((point) => `${point}: ${step}`)),
  ...OTHERS,
]

/** Each kind of step at one of its three moments, in turn, and each other point. */
export const POINTS_IN_TURN: readonly string[] = [
  ...Object.keys(STEPS).map((step, at) => `${OF_BATCHES[at % OF_BATCHES.length]}: ${step}`),
  ...OTHERS,
]

/** A batch that is sent is no moment of the code: the turn after it was decided. */
type Moment = Parameters<Points>[0] | 'batch sent' | typeof EVENTS_READ

/** The named points that a moment in the code is. */
export function namesOf(point: Moment, batch?: Batch): readonly string[] {
  if (batch === undefined) return [point]
  return Object.entries(STEPS).flatMap(([step, isIt]) => (isIt(batch) ? [`${point}: ${step}`] : []))
}
