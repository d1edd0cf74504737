import type { Clock } from '../../kernel/clock.ts'
import type { Money } from '../../kernel/money.ts'
import type { Database } from '../../platform/database.ts'
import { deadLetterRoutes } from '../../platform/dead-letter-routes.ts'
import { type FeedSource, feedRoute } from '../../platform/feed.ts'
import type { Log } from '../../platform/log.ts'
import { createOutbox, type Outbox, outboxMigrations } from '../../platform/outbox.ts'
import { personRoutes } from '../../platform/person.ts'
import { readTogether } from '../../platform/read-together.ts'
import type { ServiceRoute } from '../../platform/service-route.ts'
import type { Tracer } from '../../platform/tracing.ts'
import { versionMigrations } from '../../platform/versions.ts'
import type { NewAccount } from './append.ts'
import { createBackground } from './background.ts'
import { calendarIn } from './calendar.ts'
import { createDirectory } from './directory.ts'
import { heldRoute } from './held-routes.ts'
import { createJournalStore } from './journal/journal-store.ts'
import { createLead, type LeadOptions } from './journal/lead.ts'
import { createMailbox, type MailboxLimits } from './mailbox.ts'
import { createMonths } from './months/months.ts'
import { createOperationWatch } from './operation-watch.ts'
import { personSections, planPerson } from './persons.ts'
import { nobodyListens, type Points } from './points.ts'
import { createTermsSource } from './product-terms.ts'
import { createLedgerProof } from './proof/ledger-proof.ts'
import { createRates } from './rates.ts'
import { createReads } from './reads.ts'
import { createRoutes } from './routes.ts'
import { createService, type References } from './service.ts'
import { createBatchStore } from './store.ts'
import { createWriters } from './writers.ts'

export type { ProductTerms } from './product-terms.ts'

export type CashFlowDeps = References & {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** Risk control's events: what its reviews decided. */
  readonly riskEvents: FeedSource
  /** Over how many shards new accounts are spread. */
  readonly shards?: number
  /** How many writers share the shards; what goes from one writer's shards to another's takes three steps. */
  readonly writers?: number
  /** Where what is decided is kept, and the database is made of; null: in the database itself. */
  readonly journal?: Omit<LeadOptions, 'outbox' | 'log'> | null
  /** Where days and months begin, for limits; an IANA name. */
  readonly timeZone?: string
  /** How many commands have to wait for a batch to be decided while one is on its way. */
  readonly aheadMin?: number
  readonly points?: Points
  /** Null: no traces are kept. */
  readonly tracer?: Tracer | null
  /** How many accepted commands may wait. */
  readonly mailbox?: MailboxLimits
}

const SHARDS = 4
const WRITERS = 1
const TIME_ZONE = 'UTC'

export type CashFlow = {
  readonly routes: readonly ServiceRoute[]
  /** What it tells the others. */
  readonly outbox: Outbox
  /**
   * Takes the lead of the journal, if there is one and nobody else has it. `onLead` is run before anything else, each time when
   * this process has come to lead. @throws Error if it can't lead, though nobody else can
   */
  begin(onLead: () => Promise<void>): Promise<void>
  /** Whether this is the process that moves money. */
  isServing(): boolean
  /** Begins what runs by itself: accepted commands, holds that expire, decisions of reviews. */
  start(): void
  close(): Promise<void>
  /** Opens the account with a first deposit, unless it exists; may be called at every start. */
  seedAccount(account: Omit<NewAccount, 'shard'>, deposit: Money): Promise<void>
}

export const cashFlowMigrations: readonly URL[] = [
  outboxMigrations,
  versionMigrations,
  new URL('./migrations/', import.meta.url),
]

/** Cash flow: accounts, and the ledger through which money moves between them. */
export function createCashFlow(deps: CashFlowDeps): CashFlow {
  const { database, clock, log, riskEvents, standings, shards = SHARDS, writers: count = WRITERS } = deps
  const { journal = null, points = nobodyListens, timeZone = TIME_ZONE, tracer = null } = deps
  const outbox = createOutbox(database, clock, tracer)
  const watch = createOperationWatch(outbox)
  const directory = createDirectory(database)
  const lead = journal === null ? null : createLead({ ...journal, outbox: watch, log })
  const store = lead === null ? createBatchStore(watch, points) : createJournalStore(lead, watch, points)
  const isServing = lead?.isServing ?? (() => true)
  const writers = createWriters({
    wished: shards,
    writers: count,
    transaction: watch.transaction,
    reads: readTogether(database),
    store,
    clock,
    directory,
    calendar: calendarIn(timeZone),
    aheadMin: deps.aheadMin,
    tracer,
  })
  const { transaction } = watch
  const terms = createTermsSource({ directory, products: deps.products, standings, clock })
  const service = createService({ transaction, clock, references: deps, terms, writers, store })
  const reads = createReads({ transaction: outbox.transaction, watch })
  const background = createBackground({ service, transaction, clock, log, riskEvents, isServing, points, tracer })
  const proof = createLedgerProof(database, log)
  const months = createMonths({ database, clock, log })
  const rates = createRates({ transaction: outbox.transaction, store, clock })
  const mailbox = createMailbox({
    transaction: outbox.transaction,
    shards: writers.shards,
    shardOf: async (account) => (await directory.account(account))?.shard ?? 0,
    limits: deps.mailbox,
  })
  const { wake: onAccepted } = background
  const routes = createRoutes({ service, reads, proof, months, rates, clock, lead, mailbox, onAccepted })
  return {
    routes: [
      ...routes,
      feedRoute(outbox),
      heldRoute(outbox),
      ...personRoutes('CashFlow', outbox, planPerson, personSections),
      ...deadLetterRoutes('cash-flow', database, clock),
    ],
    outbox,
    begin: (onLead) => (lead === null ? onLead() : lead.begin(onLead)),
    isServing,
    start() {
      standings.start()
      background.start()
    },
    async close() {
      watch.close()
      await Promise.all([proof.close(), months.close()])
      await background.close()
      await service.close()
      await standings.close()
      await lead?.close()
    },
    seedAccount: service.seedAccount,
  }
}
