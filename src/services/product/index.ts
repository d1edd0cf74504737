import { assert } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../platform/database.ts'
import { feedRoute } from '../../platform/feed.ts'
import { createOutbox, type Outbox, outboxMigrations } from '../../platform/outbox.ts'
import { personRoutes } from '../../platform/person.ts'
import type { ServiceRoute } from '../../platform/service-route.ts'
import type { Tracer } from '../../platform/tracing.ts'
import { versionMigrations } from '../../platform/versions.ts'
import { termsOf } from './model.ts'
import { personSections, planPerson } from './persons.ts'
import { productRoutes } from './routes.ts'
import type { ProductCreation } from './schema.ts'
import { createProductService } from './service.ts'
import { createProductStore } from './store.ts'

export const productMigrations: readonly URL[] = [
  outboxMigrations,
  versionMigrations,
  new URL('./migrations/', import.meta.url),
]

export type ProductDeps = {
  readonly database: Database
  readonly clock: Clock
  /** Null: no traces are kept. */
  readonly tracer?: Tracer | null
}

export type ProductPart = {
  readonly routes: readonly ServiceRoute[]
  readonly outbox: Outbox
  /** Records a product under a fixed id; does nothing when it is there. */
  seedProduct(id: `prd_${string}`, product: ProductCreation): Promise<void>
  start(): void
  close(): Promise<void>
}

/** What members can open accounts under, each with its terms; nothing of it runs in the background. */
export function createProduct({ database, clock, tracer }: ProductDeps): ProductPart {
  const outbox = createOutbox(database, clock, tracer)
  const service = createProductService(database, outbox, clock)
  return {
    outbox,
    routes: [
      feedRoute(outbox),
      ...productRoutes(service),
      ...personRoutes('Product', database, planPerson, personSections(createProductStore(clock))),
    ],
    async seedProduct(id, creation) {
      const outcome = termsOf(creation)
      assert(outcome.kind === 'sound', `the terms of ${id} are sound`)
      await service.seed(id, outcome.product)
    },
    start() {},
    async close() {},
  }
}
