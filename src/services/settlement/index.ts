import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../platform/database.ts'
import { deadLetterRoutes } from '../../platform/dead-letter-routes.ts'
import { type FeedSource, type Follower, feedRoute, followFeed } from '../../platform/feed.ts'
import type { Log } from '../../platform/log.ts'
import { createOutbox, type Outbox, outboxMigrations } from '../../platform/outbox.ts'
import type { ServiceRoute } from '../../platform/service-route.ts'
import { type Bank, startPayouts } from './payouts.ts'
import { settlementRoutes } from './routes.ts'
import { createService } from './service.ts'

export type { Bank } from './payouts.ts'

export type SettlementDeps = {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** Cash flow's events: what was posted. */
  readonly cashFlowEvents: FeedSource
  readonly bank: Bank
}

export type Settlement = {
  readonly routes: readonly ServiceRoute[]
  /** What it tells the others. */
  readonly outbox: Outbox
  /** Begins what runs by itself: taking in cash flow's events, and paying out. */
  start(): void
  close(): Promise<void>
}

export const settlementMigrations: readonly URL[] = [outboxMigrations, new URL('./migrations/', import.meta.url)]

/** Settlement: what each member's transfers come to, closed at a cut-off and paid out. */
export function createSettlement({ database, clock, log, cashFlowEvents, bank }: SettlementDeps): Settlement {
  const outbox = createOutbox(database, clock)
  const service = createService(outbox, clock)
  const running: (Follower | ReturnType<typeof startPayouts>)[] = []
  return {
    routes: [...settlementRoutes(service), feedRoute(outbox), ...deadLetterRoutes('settlement', database, clock)],
    outbox,
    start() {
      running.push(
        followFeed({ feed: 'cash-flow', source: cashFlowEvents, store: outbox, apply: service.record, log }),
        startPayouts({ outbox, bank, clock, log }),
      )
    },
    async close() {
      await Promise.all(running.splice(0).map((part) => part.close()))
    },
  }
}
