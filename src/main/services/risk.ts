import { breakerRoutes } from '../../platform/breaker-routes.ts'
import { createBreakers } from '../../platform/breakers.ts'
import { readSecret } from '../../platform/secret-file.ts'
import { readPublicKey } from '../../platform/standard-webhooks.ts'
import { createRisk, riskMigrations } from '../../services/risk/index.ts'
import type { Builder } from '../builder.ts'
import { fraudProviders } from '../fraud-providers.ts'
import { heldBy, membersBy } from '../ports.ts'
import { webhookDispatcher } from '../webhook-dispatcher.ts'

export const risk: Builder = {
  migrations: riskMigrations,
  async create(house, database) {
    const { config, clock, log, policies, events, client, closing } = house
    if (policies === null) throw new Error('risk control has policies to decide by')
    const { desk } = config.risk
    const breakers = createBreakers(clock, log)
    const fraud = fraudProviders(config.risk, { log, breakers })
    const dispatcher = webhookDispatcher(house)
    closing(() => Promise.all([fraud.provider.close(), dispatcher.close()]))
    const service = createRisk({
      database,
      clock,
      log,
      bundle: policies.bundle,
      provider: fraud.provider,
      providerFigures: fraud.figures,
      desk: {
        url: desk.url,
        callbackUrl: desk.callback,
        secrets: [desk.secret_file, ...(desk.next_secret_file ? [desk.next_secret_file] : [])].map(readSecret),
        publicKeys: desk.public_key_files.map((file) => readPublicKey(readSecret(file))),
      },
      cashFlowEvents: events.feed('risk', 'cash-flow'),
      membershipEvents: events.feed('risk', 'membership'),
      productEvents: events.feed('risk', 'product'),
      members: membersBy(client('risk', 'membership'), clock),
      held: heldBy(client('risk', 'cash-flow')),
      dispatcher,
      allowLoopback: config.allow_loopback,
      tracer: house.tracer('risk'),
    })
    return { ...service, routes: [...service.routes, ...breakerRoutes(breakers, clock)] }
  },
}
