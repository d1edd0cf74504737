import { deadLetterRoutes } from '../../platform/dead-letter-routes.ts'
import { deliveryMigrations } from '../../platform/deliveries.ts'
import { feedRoute } from '../../platform/feed.ts'
import { type Outbox, outboxMigrations } from '../../platform/outbox.ts'
import { personRoutes } from '../../platform/person.ts'
import type { ServiceRoute } from '../../platform/service-route.ts'
import { personSections, planPerson } from './persons.ts'
import { createRoutes } from './routes.ts'
import { createRiskService, type RiskDeps } from './service.ts'

export type { Members } from './assessments.ts'
export type { HeldSource } from './held-watch.ts'
export type { RiskDeps } from './service.ts'

export const riskMigrations: readonly URL[] = [
  outboxMigrations,
  deliveryMigrations,
  new URL('./migrations/', import.meta.url),
]

/** Risk control: assesses transfers, and has people decide on those that are held. */
export function createRisk(deps: RiskDeps): {
  readonly routes: readonly ServiceRoute[]
  /** What it tells the others. */
  readonly outbox: Outbox
  start(): void
  close(): Promise<void>
} {
  const service = createRiskService(deps)
  const { outbox, start, close } = service
  const deadLetters = deadLetterRoutes('risk', deps.database, deps.clock)
  const persons = personRoutes('Risk', deps.database, planPerson, personSections)
  return { routes: [...createRoutes(service), feedRoute(outbox), ...persons, ...deadLetters], outbox, start, close }
}
