import { systemClock } from '../../src/kernel/clock.ts'
import type { Database, ServiceName } from '../../src/platform/database.ts'
import type { FeedSource } from '../../src/platform/feed.ts'
import { createLog } from '../../src/platform/log.ts'
import { openApiOf } from '../../src/platform/openapi.ts'
import { safeDispatcher } from '../../src/platform/safe-destination.ts'
import type { ServiceRoute } from '../../src/platform/service-route.ts'
import { createCashFlow } from '../../src/services/cash-flow/index.ts'
import { createMembership } from '../../src/services/membership/index.ts'
import { createProduct } from '../../src/services/product/index.ts'
import { createRisk } from '../../src/services/risk/index.ts'
import { createSettlement } from '../../src/services/settlement/index.ts'

const notCalled = (): never => {
  throw new Error('a document is made from the routes alone')
}

/** The routes of each service, to look at: nothing is started, and none may be called. */
export function serviceRoutes(): Record<ServiceName, readonly ServiceRoute[]> {
  const database: Database = { transaction: notCalled, atOnce: notCalled, close: async () => {} }
  const events: FeedSource = notCalled
  const base = { database, clock: systemClock, log: createLog('silent') }
  const ledger = { withdraw: notCalled, confirm: notCalled, giveBack: notCalled, deposit: notCalled }
  const outward = { dispatcher: safeDispatcher(false, 1_000), allowLoopback: false }
  return {
    membership: createMembership({
      ...{ ...base, ...outward, ring: notCalled, exportRing: notCalled, sources: [] },
      ...{ cashFlowEvents: events, tokenLifeMsMax: 1 },
    }).routes,
    product: createProduct(base).routes,
    'cash-flow': createCashFlow({
      ...base,
      riskEvents: events,
      members: { exists: notCalled },
      standings: { statusOf: notCalled, standingOf: notCalled, start: notCalled, close: notCalled },
      products: { find: notCalled },
    }).routes,
    risk: createRisk({
      ...base,
      ...outward,
      cashFlowEvents: events,
      membershipEvents: events,
      productEvents: events,
      providerFigures: notCalled,
      members: { registeredAt: notCalled },
      held: notCalled,
      bundle: notCalled,
      provider: { score: notCalled, details: notCalled, close: async () => {} },
      desk: { url: '', callbackUrl: '', secrets: [], publicKeys: [] },
    }).routes,
    settlement: createSettlement({
      ...base,
      ...{
        cashFlowEvents: events,
        cashFlowNow: events,
        ledger,
        members: { statusOf: notCalled },
        bank: { send: notCalled },
      },
    }).routes,
  }
}

/** The OpenAPI document of each service, as its routes say. */
export function openApiDocuments(): Record<ServiceName, Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(serviceRoutes()).map(([service, list]) => [service, openApiOf(service, list)]),
  ) as Record<ServiceName, Record<string, unknown>>
}
