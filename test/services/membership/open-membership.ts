import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type Clock, systemClock } from '../../../src/kernel/clock.ts'
import type { Database } from '../../../src/platform/database.ts'
import { createDoor, listenDoor } from '../../../src/platform/door.ts'
import { type FeedSource, feedOf, feedRoute } from '../../../src/platform/feed.ts'
import type { KeyRing } from '../../../src/platform/key-file.ts'
import { createLog } from '../../../src/platform/log.ts'
import { createOutbox, type Outbox, outboxMigrations } from '../../../src/platform/outbox.ts'
import { safeDispatcher } from '../../../src/platform/safe-destination.ts'
import { createServiceClient } from '../../../src/platform/service-client.ts'
import {
  createMembership,
  type MembershipPart,
  membershipMigrations,
  type PersonSource,
} from '../../../src/services/membership/index.ts'
import { createCaller, testKeyRing, testPassportKeys } from '../../support/caller.ts'
import type { TestStore } from '../../support/stores.ts'

const log = createLog('silent')

export const TOKEN_LIFE_MS_MAX = 3_600_000

export type OpenMembership = {
  readonly membership: MembershipPart
  readonly database: Database
  readonly call: ReturnType<typeof createCaller>
  /** Stands for cash flow: what is emitted here reaches membership over HTTP once it is started. */
  readonly cashFlow: Outbox
  close(): Promise<void>
}

/** Membership on a store of its own, behind its door, following the feed of an outbox under cash flow's role. */
export async function openMembership(
  store: TestStore,
  options: {
    readonly clock?: Clock
    readonly allowLoopback?: boolean
    readonly ring?: KeyRing
    readonly sources?: readonly PersonSource[]
  } = {},
): Promise<OpenMembership> {
  const { clock = systemClock, allowLoopback = true, ring = testKeyRing(), sources = [] } = options
  const passports = testPassportKeys()
  const server = await store.open()
  const cashFlow = createOutbox(await server.open('cash-flow', [outboxMigrations]), clock)
  const routes = [feedRoute(cashFlow)]
  const feed = await listenDoor(createDoor({ service: 'cash-flow', routes, passports, clock, log }), '127.0.0.1', 0)
  const origin = `http://127.0.0.1:${(feed.address() as AddressInfo).port}`
  const cashFlowEvents: FeedSource = feedOf(
    createServiceClient({ self: 'membership', service: 'cash-flow', origins: [origin], passports, clock }),
  )
  const dispatcher = safeDispatcher(allowLoopback, 2_000)
  const database = await server.open('membership', membershipMigrations)
  const membership = createMembership({
    ...{ database, clock, log, ring, cashFlowEvents, dispatcher, allowLoopback },
    exportRing: testKeyRing(),
    sources,
    tokenLifeMsMax: TOKEN_LIFE_MS_MAX,
  })
  const door = createDoor({ service: 'membership', routes: membership.routes, passports, clock, log })
  return {
    membership,
    database,
    call: createCaller(door, 'membership', passports, clock),
    cashFlow,
    async close() {
      await membership.close()
      await dispatcher.close()
      const closed = once(feed, 'close')
      feed.close()
      feed.closeAllConnections()
      await closed
      await server.close()
    },
  }
}
