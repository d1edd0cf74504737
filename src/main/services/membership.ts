import { join } from 'node:path'
import { tokenLifeMsMax } from '../../edge/token-verifier.ts'
import { keyFile } from '../../platform/key-file.ts'
import { createMembership, membershipMigrations } from '../../services/membership/index.ts'
import type { Builder } from '../builder.ts'
import { personSources } from '../person-sources.ts'
import { webhookDispatcher } from '../webhook-dispatcher.ts'

export const membership: Builder = {
  migrations: membershipMigrations,
  async create(house, database) {
    const { config, clock, log, events, client, closing } = house
    const cashFlowEvents = events.feed('membership', 'cash-flow')
    const dispatcher = webhookDispatcher(house)
    const ringOf = (file: string, what: string) =>
      keyFile(join(config.keys.folder, file), {
        what,
        generate: config.keys.generate,
        onFault: (err) => log.error({ err }, `${what} keys: the last good ones stay in force`),
      })
    const service = createMembership({
      database,
      clock,
      log,
      ring: ringOf('member-keys.json', "members'"),
      exportRing: ringOf('export-keys.json', 'signing'),
      sources: personSources((name) => client('membership', name)),
      cashFlowEvents,
      dispatcher,
      allowLoopback: config.allow_loopback,
      tokenLifeMsMax: tokenLifeMsMax(config.identity),
      tracer: house.tracer('membership'),
    })
    closing(() => dispatcher.close())
    await service.prepare()
    if (config.seed) {
      await service.seedMember('mem_alice', { name: 'Alice', country: 'CN' })
      await service.seedMember('mem_bob', { name: 'Bob', country: 'CN' })
    }
    return service
  },
}
