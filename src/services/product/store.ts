import type { Clock } from '../../kernel/clock.ts'
import { createVersionedRecords, plainFields, type VersionedRecords } from '../../platform/versions.ts'
import type { ProductFields } from './schema.ts'

/** Products keep every version; there is no other table. */
export function createProductStore(clock: Clock): VersionedRecords<ProductFields> {
  return createVersionedRecords('product', clock, plainFields())
}
