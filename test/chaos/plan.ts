import { seededRandom } from '../../bench/random.ts'
import { NAMED_POINTS } from './points.ts'

/** Who is killed: the process with its embedded database, the process beside a PostgreSQL that lives on, or PostgreSQL. */
export const VICTIMS = ['cash flow on PGlite', 'cash flow on PostgreSQL', 'PostgreSQL'] as const
export type Victim = (typeof VICTIMS)[number]

export const AT_RANDOM = 'any moment'

/** One kill: the `nth` time a point is reached, or after a time in which requests are in flight. */
export type Kill = { readonly point: string; readonly nth: number; readonly afterMs: number }
export type Plan = {
  readonly seed: number
  readonly victim: Victim
  /** With several, money crosses from one writer's shards to another's. */
  readonly writers: number
  readonly kills: readonly Kill[]
}

/** So many rounds of consecutive seeds reach every named point. */
export const LAP_ROUNDS = 20
/** To start PGlite again takes as long as a whole round of the others. */
const QUICK_LAP: readonly Victim[] = [
  'cash flow on PostgreSQL',
  'PostgreSQL',
  'cash flow on PostgreSQL',
  'PostgreSQL',
  'cash flow on PGlite',
  'PostgreSQL',
  'PostgreSQL',
  'cash flow on PostgreSQL',
]
const WRITERS_MAX = 4
/** One round in so many has a kill at random as well. */
const RANDOM_EVERY = 4
/** Up to the number of shards, so that there are as many to be taken. */
const NTH_MAX = 4
const AFTER_MS = { from: 5, to: 400 }

/** The points that a round of `npm run chaos` may kill at, in the order of its table. */
export const ALL_POINTS: readonly string[] = [AT_RANDOM, ...NAMED_POINTS]

/** What the round of a seed kills, and when. Three laps of seeds kill every victim at every point. */
export function planOf(seed: number): Plan {
  const [lap, place] = [Math.floor(seed / LAP_ROUNDS), seed % LAP_ROUNDS]
  return plan(seed, shareOf(place, LAP_ROUNDS), VICTIMS[(place + lap) % VICTIMS.length] as Victim)
}

/** Every named point once, in few rounds, most of them of those who are started again in no time: what `npm test` runs. */
export function planQuickLap(): readonly Plan[] {
  return QUICK_LAP.map((victim, place) => plan(place, shareOf(place, QUICK_LAP.length), victim))
}

/** The named points whose turn it is. */
function shareOf(place: number, rounds: number): readonly string[] {
  const from = (nth: number): number => Math.floor((nth * NAMED_POINTS.length) / rounds)
  return NAMED_POINTS.slice(from(place), from(place + 1))
}

function plan(seed: number, named: readonly string[], victim: Victim): Plan {
  const random = seededRandom(seed)
  const kills = [...named, ...(seed % RANDOM_EVERY === 0 ? [AT_RANDOM] : [])].map((point) => {
    return { point, nth: 1 + random.below(NTH_MAX), afterMs: AFTER_MS.from + random.below(AFTER_MS.to - AFTER_MS.from) }
  })
  const crosses = named.some((point) => point.includes('crossing')) || random.chance(0.3)
  return { seed, victim, writers: crosses ? WRITERS_MAX : 1, kills }
}
