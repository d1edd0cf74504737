import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../platform/database.ts'
import type { Outbox } from '../../platform/outbox.ts'
import { createVersionedService, type VersionedService } from '../../platform/versioned-service.ts'
import type { Version } from '../../platform/versions.ts'
import type { ProductFields } from './schema.ts'
import { createProductStore } from './store.ts'

export type ProductService = VersionedService<ProductFields>

export function createProductService(database: Database, outbox: Outbox, clock: Clock): ProductService {
  const records = createProductStore(clock)
  return createVersionedService({ kind: 'product', records, database, clock, told: { outbox, happening: changed } })
}

function changed({ id: product, version }: Version<ProductFields>) {
  return { type: 'product.changed', subject: product, members: [], data: { product, version } }
}
