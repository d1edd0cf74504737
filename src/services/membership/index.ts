import type { Dispatcher } from 'undici'
import { assert } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import { isCountry } from '../../kernel/country.ts'
import type { Database } from '../../platform/database.ts'
import { deadLetterRoutes } from '../../platform/dead-letter-routes.ts'
import { deliveryMigrations, startDeliveries } from '../../platform/deliveries.ts'
import type { Round } from '../../platform/every.ts'
import { type FeedSource, feedRoute, followFeed } from '../../platform/feed.ts'
import type { KeyRing } from '../../platform/key-file.ts'
import type { Log } from '../../platform/log.ts'
import { createOutbox, type Outbox, outboxMigrations } from '../../platform/outbox.ts'
import { personRoutes } from '../../platform/person.ts'
import type { ServiceRoute } from '../../platform/service-route.ts'
import type { Tracer } from '../../platform/tracing.ts'
import { versionMigrations } from '../../platform/versions.ts'
import { endpointHealth } from './endpoint-health.ts'
import type { PersonSource } from './export-model.ts'
import { exportRoutes } from './export-routes.ts'
import { startExportWork } from './export-work.ts'
import { createExports } from './exports.ts'
import { prepareKeys, startRewrapping } from './key-upkeep.ts'
import { personSections, planPerson } from './persons.ts'
import { createRevocations } from './revocations.ts'
import { membershipRoutes } from './routes.ts'
import type { MemberFields } from './schema.ts'
import { createMembershipService } from './service.ts'
import { standingRoutes } from './standing-routes.ts'
import { createStandings } from './standings.ts'
import { destinationAt, tellMembers } from './telling.ts'

export const membershipMigrations: readonly URL[] = [
  outboxMigrations,
  versionMigrations,
  deliveryMigrations,
  new URL('./migrations/', import.meta.url),
]

export type { PersonSource } from './export-model.ts'

export type MembershipDeps = {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  /** Null: no traces are kept. */
  readonly tracer?: Tracer | null
  /** The key-encryption keys that wrap members' own. */
  readonly ring: KeyRing
  /** What signs exports of persons. */
  readonly exportRing: KeyRing
  /** All services that may hold something on a person, this one among them. */
  readonly sources: readonly PersonSource[]
  /** What happened to members' money. */
  readonly cashFlowEvents: FeedSource
  /** Webhooks leave through it: a `safeDispatcher`. */
  readonly dispatcher: Dispatcher
  readonly allowLoopback: boolean
  /** No access token lives longer. */
  readonly tokenLifeMsMax: number
}

export type MembershipPart = {
  readonly routes: readonly ServiceRoute[]
  /** What it tells the others. */
  readonly outbox: Outbox
  /** Comes before the first call. @throws Error with what an operator has to mend of the key-encryption keys */
  prepare(): Promise<void>
  /** Records a member under a fixed id; does nothing when it is there. */
  seedMember(id: `mem_${string}`, fields: MemberFields): Promise<void>
  start(): void
  close(): Promise<void>
}

/**
 * Who the members are, how they are told what happened (their events, and signed webhooks), and which tokens were taken back.
 */
export function createMembership(deps: MembershipDeps): MembershipPart {
  const { database, clock, log, cashFlowEvents, tokenLifeMsMax, tracer = null } = deps
  const outbox = createOutbox(database, clock, tracer)
  const service = createMembershipService({ ...deps, outbox })
  const standings = createStandings(database, outbox, clock)
  const revocations = createRevocations({ outbox, clock, tokenLifeMsMax })
  let background: readonly { close(): Promise<void> }[] = []
  let gathering: Round | null = null
  const exports = createExports({ ...deps, onBegun: () => gathering?.wake() })
  return {
    outbox,
    prepare: () => prepareKeys(deps),
    routes: [
      ...membershipRoutes(service, revocations),
      ...standingRoutes(standings),
      ...exportRoutes(exports, deps.exportRing),
      ...personRoutes('Membership', database, planPerson, personSections(clock, deps.ring)),
      feedRoute(outbox),
      ...deadLetterRoutes('membership', database, clock),
    ],

    async seedMember(id, fields) {
      assert(isCountry(fields.country), `${id} lives in a country of ISO 3166-1`)
      await service.members.seed(id, fields)
    },

    start() {
      gathering = startExportWork(deps)
      background = [
        followFeed({
          feed: 'cash-flow',
          source: cashFlowEvents,
          store: outbox,
          apply: (event, sql) => tellMembers(sql, clock, [event]),
          applyAll: (events, sql) => tellMembers(sql, clock, events),
          versions: { '*': 1 }, // members are told what they can read
          tracer,
          log,
        }),
        startDeliveries({ ...deps, destinationOf: destinationAt(clock), onSettled: endpointHealth(clock, log) }),
        startRewrapping(deps),
        gathering,
      ]
    },

    async close() {
      await Promise.all(background.map((loop) => loop.close()))
    },
  }
}
