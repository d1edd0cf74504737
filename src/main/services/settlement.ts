import { createBank } from '../../adapters/bank.ts'
import { breakerRoutes } from '../../platform/breaker-routes.ts'
import { createBreakers } from '../../platform/breakers.ts'
import { feedOf } from '../../platform/feed.ts'
import { createSettlement, settlementMigrations } from '../../services/settlement/index.ts'
import type { Builder } from '../builder.ts'
import { standingsBy } from '../ports.ts'
import { ledgerOf } from '../settlement-ledger.ts'

export const settlement: Builder = {
  migrations: settlementMigrations,
  async create({ config, clock, log, client, events, tracer }, database) {
    const { url, timeout_ms: timeoutMs } = config.bank
    const breakers = createBreakers(clock, log)
    const bank = createBank({ url, timeoutMs, breaker: breakers.create('settlement:bank', config.bank.breaker) })
    const cashFlowEvents = events.feed('settlement', 'cash-flow')
    const ledger = ledgerOf(client('settlement', 'cash-flow'))
    const service = createSettlement({
      database,
      clock,
      log,
      cashFlowEvents,
      cashFlowNow: feedOf(client('settlement', 'cash-flow'), 0),
      ledger,
      members: standingsBy(client('settlement', 'membership')),
      bank,
      config: config.settlement,
      tracer: tracer('settlement'),
    })
    return { ...service, routes: [...service.routes, ...breakerRoutes(breakers, clock)] }
  },
}
