import type { ServiceRoute } from '../../platform/service-route.ts'
import { accountRoutes } from './account-routes.ts'
import { creditRoutes } from './credit-routes.ts'
import { depositRoute } from './deposit-routes.ts'
import { exchangeRoutes } from './exchange-routes.ts'
import { journalRoutes } from './journal/journal-route.ts'
import type { Lead } from './journal/lead.ts'
import { ledgerRoutes } from './ledger-routes.ts'
import { monthRoutes } from './months/month-routes.ts'
import type { Months } from './months/months.ts'
import { operationRoutes } from './operation-routes.ts'
import type { LedgerProof } from './proof/ledger-proof.ts'
import type { Rates } from './rates.ts'
import { type TransferRoutesDeps, transferRoutes } from './transfer-routes.ts'
import { withdrawalRoutes } from './withdrawal-routes.ts'

/** The public API of cash flow. */
export function createRoutes(
  deps: TransferRoutesDeps & {
    readonly proof: LedgerProof
    readonly months: Months
    readonly rates: Rates
    readonly lead: Pick<Lead, 'state' | 'scrub'> | null
  },
): readonly ServiceRoute[] {
  const { service, reads, clock, proof, months, rates, lead } = deps
  return [
    ...accountRoutes(service, reads),
    ...creditRoutes(service, reads),
    depositRoute(service, clock),
    ...withdrawalRoutes(service, reads, clock),
    ...exchangeRoutes(service, reads, rates),
    ...transferRoutes(deps),
    ...operationRoutes(reads),
    ...ledgerRoutes(proof),
    ...journalRoutes(lead),
    ...monthRoutes(months),
  ]
}
