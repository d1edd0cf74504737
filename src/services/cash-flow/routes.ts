import type { ServiceRoute } from '../../platform/service-route.ts'
import { accountRoutes } from './account-routes.ts'
import { operationRoutes } from './operation-routes.ts'
import { type TransferRoutesDeps, transferRoutes } from './transfer-routes.ts'

/** The public API of cash flow. */
export function createRoutes(deps: TransferRoutesDeps): readonly ServiceRoute[] {
  return [...accountRoutes(deps), ...transferRoutes(deps), ...operationRoutes(deps.reads)]
}
