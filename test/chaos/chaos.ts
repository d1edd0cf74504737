import type { Fault } from './broken.ts'
import type { Plan } from './plan.ts'
import { type MortalPostgres, startMortalPostgres } from './postgres-server.ts'
import { type Round, runRound } from './round.ts'

/**
 * Runs the rounds that are planned, those on PGlite beside those on PostgreSQL: starting takes most of their time. What a round
 * throws is a finding.
 */
export async function runChaos(
  plans: readonly Plan[],
  { fault = 'none', tell = () => {} }: { readonly fault?: Fault; readonly tell?: (round: Round) => void } = {},
): Promise<readonly Round[]> {
  const embedded = plans.filter(({ victim }) => victim === 'cash flow on PGlite')
  const served = plans.filter(({ victim }) => victim !== 'cash flow on PGlite')
  const postgres = served.length === 0 ? null : await startMortalPostgres()
  const run = async (lane: readonly Plan[], on: MortalPostgres | null): Promise<Round[]> => {
    const done: Round[] = []
    for (const plan of lane) {
      const round = await runRound(plan, on, fault).catch((error: Error) => broken(plan, error))
      tell(round)
      done.push(round)
    }
    return done
  }
  try {
    const lanes = await Promise.all([run(embedded, null), run(served, postgres)])
    return lanes.flat().sort((a, b) => a.plan.seed - b.plan.seed)
  } finally {
    await postgres?.stop()
  }
}

function broken(plan: Plan, { stack = '' }: Error): Round {
  return { plan, legs: [], findings: [{ what: 'unsound', leg: 0, text: `the round broke off: ${stack}` }] }
}
