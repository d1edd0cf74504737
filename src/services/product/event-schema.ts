import { Type } from 'typebox'
import type { EventSchemas } from '../../platform/event-schema.ts'

/** What the product service tells. */
export const productEvents: EventSchemas = {
  'product.changed': {
    version: 1,
    summary:
      'The terms of a product are those of this version from here on: its limits, fee, currencies, or who may hold it',
    data: Type.Object({ product: Type.String(), version: Type.Integer() }),
  },
}
