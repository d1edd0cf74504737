import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../platform/database.ts'
import { deadLetterRoutes } from '../../platform/dead-letter-routes.ts'
import { type FeedSource, feedRoute, followFeed } from '../../platform/feed.ts'
import type { Log } from '../../platform/log.ts'
import { createOutbox, type Outbox, outboxMigrations } from '../../platform/outbox.ts'
import { personRoutes } from '../../platform/person.ts'
import type { ServiceRoute } from '../../platform/service-route.ts'
import type { Tracer } from '../../platform/tracing.ts'
import { breakRoutes } from './break-routes.ts'
import { createBreaks } from './breaks.ts'
import { waitingRoute } from './cut-off-routes.ts'
import { createFeedBehind } from './feed-behind.ts'
import type { Ledger } from './ledger.ts'
import type { Members } from './members.ts'
import { notificationRoutes } from './notification-routes.ts'
import { createNotifications } from './notifications.ts'
import { type SettlementConfig, settlementOptions } from './options.ts'
import { type Bank, startPayouts } from './payouts.ts'
import { personSections, planPerson } from './persons.ts'
import { positionRoutes } from './position-routes.ts'
import { createReconciler } from './reconciliation.ts'
import { settlementRoutes } from './routes.ts'
import { startScheduled } from './scheduled.ts'
import { createService } from './service.ts'
import { statementRoutes } from './statement-routes.ts'

export type { Ledger } from './ledger.ts'
export type { Members } from './members.ts'
export type { Bank } from './payouts.ts'

export type SettlementDeps = {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** Null: no traces are kept. */
  readonly tracer?: Tracer | null
  /** Cash flow's events: what was posted. */
  readonly cashFlowEvents: FeedSource
  /** The same as cash flow has them now, without waiting. */
  readonly cashFlowNow: FeedSource
  readonly ledger: Ledger
  readonly members: Members
  readonly bank: Bank
  readonly config?: SettlementConfig | undefined
}

export type Settlement = {
  readonly routes: readonly ServiceRoute[]
  /** What it tells the others. */
  readonly outbox: Outbox
  /** Begins what runs by itself: taking in cash flow's events, cut-offs, paying out, and matching that was cut short. */
  start(): void
  close(): Promise<void>
}

export const settlementMigrations: readonly URL[] = [outboxMigrations, new URL('./migrations/', import.meta.url)]

/**
 * Settlement: what each member's transfers come to, closed at a cut-off, paid out, and held against what the bank says it booked.
 * @throws Error where the configuration is not sound
 */
export function createSettlement(deps: SettlementDeps): Settlement {
  const { database, clock, log, cashFlowEvents, ledger, members, bank, tracer = null } = deps
  const { payer, calendar, rules, clearsWithinH, breaksMax } = settlementOptions(deps.config)
  const outbox = createOutbox(database, clock, tracer)
  const service = createService(outbox, clock, breaksMax)
  const reconciler = createReconciler(outbox, clock, rules)
  const behind = createFeedBehind({ outbox, peek: deps.cashFlowNow, clock, log })
  const running: { close(): Promise<void> }[] = []
  return {
    routes: [
      ...settlementRoutes(service),
      ...positionRoutes(service, clock, clearsWithinH),
      waitingRoute(behind),
      ...statementRoutes(outbox, reconciler),
      ...notificationRoutes(createNotifications(outbox, clock, payer.account)),
      ...breakRoutes(createBreaks(outbox, clock), clock),
      feedRoute(outbox),
      ...personRoutes('Settlement', database, planPerson, personSections),
      ...deadLetterRoutes('settlement', database, clock),
    ],
    outbox,
    start() {
      running.push(
        followFeed({
          feed: 'cash-flow',
          source: cashFlowEvents,
          store: outbox,
          apply: (event, sql) => service.record([event], sql),
          applyAll: service.record,
          versions: { 'transfer.posted': 1 },
          tracer,
          log,
        }),
        startPayouts({ outbox, bank, ledger, members, payer, clock, log }),
        reconciler.start(log),
      )
      if (calendar !== null) running.push(startScheduled({ outbox, service, calendar, behind, clock, log }))
    },
    async close() {
      await Promise.all(running.splice(0).map((part) => part.close()))
    },
  }
}
