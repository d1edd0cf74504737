import { type Plan, VICTIMS } from './plan.ts'
import { startMortalPostgres } from './postgres-server.ts'
import { type Round, runRound } from './round.ts'

/** Runs the rounds that are planned, each victim's beside the others', which wait for each other most of their time. */
export async function runChaos(
  plans: readonly Plan[],
  tell: (round: Round) => void = () => {},
): Promise<readonly Round[]> {
  const lanes = await Promise.all(
    VICTIMS.map((victim) =>
      runLane(
        plans.filter((plan) => plan.victim === victim),
        tell,
      ),
    ),
  )
  return lanes.flat().sort((a, b) => a.plan.seed - b.plan.seed)
}

/** One victim's rounds, one after the other, on a server of their own. What a round throws is a finding. */
async function runLane(plans: readonly Plan[], tell: (round: Round) => void): Promise<readonly Round[]> {
  const [first] = plans
  if (first === undefined) return []
  const postgres = first.victim === 'cash flow on PGlite' ? null : await startMortalPostgres()
  const done: Round[] = []
  try {
    for (const plan of plans) {
      const round = await runRound(plan, postgres).catch((error: Error) => broken(plan, error))
      tell(round)
      done.push(round)
    }
    return done
  } finally {
    await postgres?.stop()
  }
}

function broken(plan: Plan, { stack = '' }: Error): Round {
  return { plan, legs: [], findings: [{ what: 'unsound', leg: 0, text: `the round broke off: ${stack}` }] }
}
