import type { Dispatcher } from 'undici'
import type { ProviderFigures } from '../../adapters/fraud/measured.ts'
import type { FraudProvider } from '../../adapters/fraud/port.ts'
import { createReviewDesk, type ReviewDesk, type ReviewDeskOptions } from '../../adapters/review-desk/review-desk.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../platform/database.ts'
import { startDeliveries } from '../../platform/deliveries.ts'
import type { DeskFigures } from '../../platform/desk-figures.ts'
import type { FeedSource } from '../../platform/feed.ts'
import type { Log } from '../../platform/log.ts'
import { createOutbox, type Outbox } from '../../platform/outbox.ts'
import type { Tracer } from '../../platform/tracing.ts'
import type { Bundle } from '../../policy/index.ts'
import { type Assessments, createAssessments, type Members } from './assessments.ts'
import { readFigures } from './figures.ts'
import { followCashFlow } from './follow-cash-flow.ts'
import { followMembership } from './follow-membership.ts'
import { followProduct } from './follow-product.ts'
import { forgetOldCounts } from './forgetting.ts'
import { createHeldWatch, type HeldSource, type HeldWatch } from './held-watch.ts'
import { createReviews, type Reviews } from './reviews.ts'
import { runTimers } from './timers.ts'

export type RiskDeps = {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** Null: no traces are kept. */
  readonly tracer?: Tracer | null
  /** The policies in force; asked at each assessment. */
  readonly bundle: () => Bundle
  /** Closed by who made it. */
  readonly provider: FraudProvider
  /** What was asked of each provider since this process began. */
  readonly providerFigures: () => readonly ProviderFigures[]
  readonly desk: ReviewDeskOptions
  readonly cashFlowEvents: FeedSource
  readonly membershipEvents: FeedSource
  readonly productEvents: FeedSource
  readonly members: Members
  /** What cash flow holds for reviews. */
  readonly held: HeldSource
  /** What messages to the desk go out through; see `safeDispatcher`. */
  readonly dispatcher: Dispatcher
  readonly allowLoopback: boolean
}

/** The use cases, and what runs by itself once started: others' events, timers of cases, messages to the desk. */
export type RiskService = {
  readonly assessments: Assessments
  readonly reviews: Reviews
  readonly desk: ReviewDesk
  readonly watch: HeldWatch
  /** How the desk is doing, for the metrics. */
  figures(): Promise<DeskFigures>
  readonly outbox: Outbox
  start(): void
  close(): Promise<void>
}

export function createRiskService(deps: RiskDeps): RiskService {
  const { database, clock, log, provider, bundle, dispatcher, allowLoopback, tracer = null } = deps
  const stop = new AbortController()
  const outbox = createOutbox(database, clock, tracer)
  const desk = createReviewDesk(deps.desk, clock)
  const assessments = createAssessments({
    database,
    clock,
    log,
    provider,
    bundle,
    members: deps.members,
    signal: stop.signal,
  })
  const reviews = createReviews({ outbox, clock, log, desk, bundle })
  const watch = createHeldWatch({ database, clock, log, held: deps.held })
  const loops: { close(): Promise<void> }[] = []
  return {
    assessments,
    reviews,
    desk,
    watch,
    figures: () => database.transaction((sql) => readFigures(sql, clock.now(), watch.last(), deps.providerFigures())),
    outbox,
    start() {
      watch.start()
      const destinationOf = async () => desk.destination
      loops.push(
        followCashFlow({ source: deps.cashFlowEvents, outbox, reviews, tracer, log }),
        followMembership({ source: deps.membershipEvents, outbox, reviews, tracer, log }),
        followProduct({ source: deps.productEvents, outbox, tracer, log }),
        runTimers(reviews, log),
        forgetOldCounts({ database, clock, log }),
        watch,
        startDeliveries({ database, clock, log, dispatcher, allowLoopback, destinationOf }),
      )
    },
    async close() {
      stop.abort()
      await Promise.all(loops.splice(0).map((loop) => loop.close()))
    },
  }
}
