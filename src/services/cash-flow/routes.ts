import type { ServiceRoute } from '../../platform/service-route.ts'
import { accountRoutes } from './account-routes.ts'
import { depositRoute } from './deposit-routes.ts'
import { ledgerRoutes } from './ledger-routes.ts'
import { operationRoutes } from './operation-routes.ts'
import type { LedgerProof } from './proof/ledger-proof.ts'
import { type TransferRoutesDeps, transferRoutes } from './transfer-routes.ts'

/** The public API of cash flow. */
export function createRoutes(deps: TransferRoutesDeps & { readonly proof: LedgerProof }): readonly ServiceRoute[] {
  const { service, reads, clock, proof } = deps
  return [
    ...accountRoutes(service, reads),
    depositRoute(service, clock),
    ...transferRoutes(deps),
    ...operationRoutes(reads),
    ...ledgerRoutes(proof),
  ]
}
