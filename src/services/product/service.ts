import type { Clock } from '../../kernel/clock.ts'
import type { Database } from '../../platform/database.ts'
import { createVersionedService, type VersionedService } from '../../platform/versioned-service.ts'
import type { ProductFields } from './schema.ts'
import { createProductStore } from './store.ts'

export type ProductService = VersionedService<ProductFields>

export function createProductService(database: Database, clock: Clock): ProductService {
  return createVersionedService({ kind: 'product', records: createProductStore(clock), database, clock })
}
