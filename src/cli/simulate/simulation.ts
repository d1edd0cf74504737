import { MUTANTS, type Mutant } from './mutants.ts'
import { loadMutated } from './mutated-code.ts'
import { runSeed, type SeedResult } from './run-seed.ts'

export type Simulated = {
  readonly seeds: number
  /** How many commands were answered with an outcome. */
  readonly acknowledged: number
  /** How often a leader began. */
  readonly leaderships: number
  readonly violations: number
  /** The seeds that have some, each with what they are. */
  readonly failing: readonly { readonly seed: number; readonly violations: readonly string[] }[]
}

/** Each mutant is given up after so many seeds: a simulation that does not find it proves too little. */
const MUTANT_SEEDS_MAX = 40_000

/** Runs seeds one after the other. */
export async function simulate(
  first: number,
  seeds: number,
  onProgress: (done: number, violations: number) => void,
): Promise<Simulated> {
  let [acknowledged, leaderships] = [0, 0]
  const failing: Simulated['failing'][number][] = []
  for (let seed = first; seed < first + seeds; seed++) {
    const result = await runSeed(seed)
    acknowledged += result.acknowledged
    leaderships += result.leaderships
    if (isCaught(result)) failing.push({ seed, violations: result.violations })
    onProgress(seed - first + 1, failing.length)
  }
  const violations = failing.reduce((sum, { violations }) => sum + violations.length, 0)
  return { seeds, acknowledged, leaderships, violations, failing }
}

/** The first seed that finds the mistake; null: none does. */
export async function catchMutant(mutant: Mutant, onProgress: (seed: number) => void): Promise<number | null> {
  const run = await loadMutated(mutant)
  for (let seed = 1; seed <= MUTANT_SEEDS_MAX; seed++) {
    if (isCaught(await run(seed))) return seed
    onProgress(seed)
  }
  return null
}

/** Whether the seed that is known to find the mistake still does. */
export async function isCaughtBySeed(mutant: Mutant): Promise<boolean> {
  const run = await loadMutated(mutant)
  return isCaught(await run(mutant.seed))
}

export { MUTANTS, type Mutant }

function isCaught({ violations }: SeedResult): boolean {
  return violations.length > 0
}
