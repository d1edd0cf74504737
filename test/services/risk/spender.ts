/**
 * Risk control's decisions as a process of its own, to be killed: decides on one transfer of 0.01 after the other while
 * the provider is away, and prints the id of each that passes. STORE is a PostgreSQL URL or the directory of PGlite.
 */
import { openPglite } from '../../../src/platform/pglite.ts'
import { openPostgres } from '../../../src/platform/postgres.ts'
import { riskMigrations } from '../../../src/services/risk/index.ts'
import { budgetOf, deciding, policiesWith, transferOf } from './away.ts'

const CLIENTS = 8
const { STORE = '', COUNT = '' } = process.env
const server = STORE.startsWith('postgresql:') ? openPostgres(() => STORE, console.error) : await openPglite(STORE)
const policies = policiesWith(budgetOf(Number(COUNT), '500.00'))
const assessments = deciding(await server.open('risk', riskMigrations), () => policies)

/** Until the budget is used up. */
async function spend(): Promise<void> {
  for (;;) {
    const outcome = await assessments.assess(transferOf(1n))
    if (outcome.kind !== 'assessed' || !outcome.assessment.unchecked) return
    console.log(outcome.assessment.id)
  }
}

await Promise.all(Array.from({ length: CLIENTS }, spend))
await server.close()
