import type { ServiceRoute } from '../../platform/service-route.ts'
import { versionedRoutes } from '../../platform/versioned-routes.ts'
import { refusalOf } from './errors.ts'
import { termsOf } from './model.ts'
import { ProductChange, ProductCreation, ProductFields } from './schema.ts'
import type { ProductService } from './service.ts'

/** Products are nobody's own: who holds the scope reads them all, and who holds the other one writes them. */
export function productRoutes(service: ProductService): ServiceRoute[] {
  return versionedRoutes({
    kind: 'product',
    noun: 'Product',
    path: '/v1/products',
    schemas: { creation: ProductCreation, change: ProductChange, fields: ProductFields },
    service,
    complete,
    creators: ['member', 'operator'],
    changers: ['member', 'operator'],
    isVisible: () => true,
  })
}

function complete(wire: ProductCreation): ProductFields {
  const outcome = termsOf(wire)
  if (outcome.kind !== 'sound') throw refusalOf(outcome)
  return outcome.product
}
