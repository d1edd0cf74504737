import { type Clock, toRfc3339 } from '../kernel/clock.ts'
import { Problem } from '../kernel/problem.ts'
import type { Config } from '../platform/config-schema.ts'
import { clientAddress, type TrustedProxies } from './client-address.ts'
import type { DecisionLog } from './decision-log.ts'
import type { EdgeMetrics } from './edge-metrics.ts'
import { headerOf, type Incoming } from './incoming.ts'
import { createIntake, type Intake } from './intake.ts'
import type { Stages } from './pipeline.ts'
import type { RouteTable } from './route-table.ts'
import { sparseReceipts } from './sparse-receipts.ts'
import type { TokenVerification } from './token-verifier.ts'

export type ShedDeps = {
  readonly clock: Clock
  readonly decisions: Pick<DecisionLog, 'write'>
  readonly metrics: Pick<EdgeMetrics, 'observe'>
  readonly stages: Pick<Stages, 'begin' | 'refuse' | 'reply'>
  readonly proxies: TrustedProxies
}

/** One for all: an error remembers its stack when it is made, and that costs more than the rest of a refusal. */
const OVERLOADED = new Problem('overloaded', {
  detail: 'more arrives than can be answered; nothing was done',
  rule: 'intake/patience',
})

/** Refuses a request that has waited too long for its turn: of its head nothing is looked at but what the receipt tells. */
export function createShed({ clock, decisions, metrics, stages, proxies }: ShedDeps) {
  const sparsely = sparseReceipts()
  const { code, status, extras } = OVERLOADED

  return function shed(incoming: Incoming, waitedMs: number): void {
    const trail = stages.begin()
    metrics.observe('none', status, code, waitedMs)
    sparsely(clock.now(), (refused) => {
      const { method, target, socket } = incoming
      const source = clientAddress(socket.remoteAddress ?? '', headerOf(incoming, 'x-forwarded-for'), proxies)
      const asked = { source, method, path: pathOf(target) } // a query may hold a token, and nobody has looked
      const why = { stage: 'intake', code, detail: extras.detail, rule: extras.rule, refused }
      const at = toRfc3339(trail.startedAt)
      decisions.write({ receipt: trail.receipt, at, ...asked, status, ...why, bundle: trail.bundle.digest })
    })
    if (!isGone(incoming)) stages.reply(incoming, trail, stages.refuse(OVERLOADED, trail))
  }
}

/** Of 100 begun at once each cost a seventh more, under many connections (docs/adr/0024). */
const BEGUN_PER_TURN_MAX = 32
const PATIENCE_MS = 500

type Known = { readonly table: RouteTable; readonly tokens: Pick<TokenVerification, 'remembers'> }

/** The intake of the edge: what is asked of a route tagged `money` by someone known goes first. */
export function openIntake(
  { edge: { intake } }: Pick<Config, 'edge'>,
  known: Known,
  begin: (incoming: Incoming) => Promise<void>,
  shed: (incoming: Incoming, waitedMs: number) => void,
): Intake<Incoming> {
  const { begun_per_turn_max: begunPerTurnMax = BEGUN_PER_TURN_MAX, patience_ms: patienceMs = PATIENCE_MS } =
    intake ?? {}
  return createIntake({ begunPerTurnMax, patienceMs, isUrgent: createMoneyCheck(known), begin, refuse: shed, isGone })
}

/** Whether the client hung up before it was answered. */
export function isGone({ socket }: Pick<Incoming, 'socket'>): boolean {
  return socket.destroyed
}

/**
 * By the bytes as they came: whoever writes the target in another way than its route waits like everyone else. So does who
 * shows a token that was not verified before: anyone can make one up, and would go before those who pay.
 */
function createMoneyCheck({ table, tokens }: Known): (incoming: Incoming) => boolean {
  const ofMoney = table.routes.filter(({ tags }) => tags.includes('money'))
  const methods = new Set(ofMoney.flatMap((route) => route.methods))
  if (methods.has('GET')) methods.add('HEAD')
  return (incoming) => {
    const { method, target } = incoming
    if (!methods.has(method)) return false
    const authorization = headerOf(incoming, 'authorization')
    if (authorization === undefined) return false
    const host = headerOf(incoming, 'host') ?? ''
    const match = table.match(host.replace(/:\d+$/, '').toLowerCase(), method, pathOf(target))
    if (match.kind !== 'route' || !match.route.tags.includes('money')) return false
    return tokens.remembers(authorization.slice(authorization.indexOf(' ') + 1))
  }
}

function pathOf(target: string): string {
  return target.split('?', 1)[0] ?? ''
}
