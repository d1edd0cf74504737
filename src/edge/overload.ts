import { type Clock, toRfc3339 } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import type { Config } from '../platform/config-schema.ts'
import type { DecisionLog } from './decision-log.ts'
import type { EdgeMetrics } from './edge-metrics.ts'
import type { Incoming } from './exchange.ts'
import { createIntake, type Intake } from './intake.ts'
import type { Stages } from './pipeline.ts'
import type { RouteTable } from './route-table.ts'
import { sparseReceipts } from './sparse-receipts.ts'

export type ShedDeps = {
  readonly clock: Clock
  readonly decisions: Pick<DecisionLog, 'write'>
  readonly metrics: Pick<EdgeMetrics, 'observe'>
  readonly stages: Pick<Stages, 'begin' | 'refuse' | 'reply'>
}

/** One for all: an error remembers its stack when it is made, and that costs more than the rest of a refusal. */
const OVERLOADED = new Problem('overloaded', {
  detail: 'more arrives than can be answered; nothing was done',
  rule: 'intake/patience',
})

/** Refuses a request that has waited too long for its turn: of its head nothing is looked at but what the receipt tells. */
export function createShed({ clock, decisions, metrics, stages }: ShedDeps) {
  const sparsely = sparseReceipts()
  const { code, status, extras } = OVERLOADED

  return function shed(incoming: Incoming, waitedMs: number): void {
    const { request } = incoming
    const trail = stages.begin()
    const answer = stages.refuse(OVERLOADED, trail)
    metrics.observe('none', status, code, waitedMs)
    sparsely(clock.now(), (refused) => {
      const asked = { source: request.socket.remoteAddress ?? '', method: request.method, path: request.url }
      const why = { stage: 'intake', code, detail: extras.detail, rule: extras.rule, refused }
      const at = toRfc3339(trail.startedAt)
      decisions.write({ receipt: trail.receipt, at, ...asked, status, ...why, bundle: trail.bundle.digest })
    })
    stages.reply(incoming, trail, answer)
  }
}

/** About 10 ms of work: a turn stays short beside what a client waits for its answer anyway. */
const BEGUN_PER_TURN_MAX = 100
const PATIENCE_MS = 500

/** The intake of the edge: what is asked of a route tagged `money` goes first. */
export function openIntake(
  { edge: { intake } }: Config,
  table: RouteTable,
  begin: (incoming: Incoming) => Promise<void>,
  shed: (incoming: Incoming, waitedMs: number) => void,
): Intake<Incoming> {
  const { begun_per_turn_max: begunPerTurnMax = BEGUN_PER_TURN_MAX, patience_ms: patienceMs = PATIENCE_MS } =
    intake ?? {}
  const isUrgent = (incoming: Incoming): boolean => movesMoney(table, incoming)
  return createIntake({ begunPerTurnMax, patienceMs, isUrgent, begin, refuse: shed })
}

/** By the bytes as they came: whoever writes the target in another way than its route waits like everyone else. */
function movesMoney(table: RouteTable, { request: { headers, method = '', url = '' } }: Incoming): boolean {
  if (headers.authorization === undefined) return false
  const match = table.match((headers.host ?? '').replace(/:\d+$/, '').toLowerCase(), method, url.split('?', 1)[0] ?? '')
  return match.kind === 'route' && match.route.tags.includes('money')
}
