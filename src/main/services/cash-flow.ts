import { asId } from '../../kernel/id.ts'
import { money } from '../../kernel/money.ts'
import { followStandings } from '../../platform/standings.ts'
import { cashFlowMigrations, createCashFlow, type ProductTerms } from '../../services/cash-flow/index.ts'
import type { Builder } from '../builder.ts'
import { openLedgerJournal } from '../journal.ts'
import { find, isMember } from '../ports.ts'

export const cashFlow: Builder = {
  migrations: cashFlowMigrations,
  async create(house, database) {
    const { config, clock, log, client, events } = house
    const [members, products] = [client('cash-flow', 'membership'), client('cash-flow', 'product')]
    const service = createCashFlow({
      database,
      clock,
      log,
      ...config.ledger,
      ...(config.ledger?.time_zone === undefined ? {} : { timeZone: config.ledger.time_zone }),
      journal: openLedgerJournal(house),
      tracer: house.tracer('cash-flow'),
      riskEvents: events.feed('cash-flow', 'risk'),
      members: { exists: (member) => isMember(members, member) },
      standings: followStandings(members, log),
      products: { find: (product) => find<ProductTerms>(products, `/v1/products/${product}`) },
    })
    await service.begin(async () => {
      if (!config.seed) return
      for (const name of ['alice', 'bob']) {
        const [id, member] = [asId('account', `acc_${name}`), asId('member', `mem_${name}`)]
        const product = asId('product', 'prd_basic')
        await service.seedAccount({ id, member, product, currency: 'CNY' }, money('CNY', 10_000_000n))
      }
    })
    return service
  },
}
