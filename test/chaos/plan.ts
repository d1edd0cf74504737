import { seededRandom } from '../../bench/random.ts'
import type { Fault } from './broken.ts'
import { NAMED_POINTS, POINTS_IN_TURN } from './points.ts'

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
  readonly fault: Fault
}

/** So many rounds of consecutive seeds reach every named point. */
export const LAP_ROUNDS = 20
/** From which to which point of the lap of `npm test` each victim has them: PGlite takes longest to start again. */
const SHORT_LAP: readonly (readonly [Victim, from: number, to?: number])[] = [
  ['cash flow on PGlite', 0, 2],
  ['cash flow on PostgreSQL', 2, 9],
  ['PostgreSQL', 9],
]
const WRITERS_MAX = 4
/** One round in so many has a kill at random as well. */
const RANDOM_EVERY = 4
/** Up to the number of shards, so that there are as many to be taken. */
const NTH_MAX = 4
/** When what is there to be answered is not committed yet by one that answers too soon. */
const SHOWS_FAULTS = 'batch committed: a deposit'
const AFTER_MS = { from: 5, to: 400 }

/** The points that a round of `npm run chaos` may kill at, in the order of its table. */
export const ALL_POINTS: readonly string[] = [AT_RANDOM, ...NAMED_POINTS]

/** What the round of a seed kills, and when. Three laps of seeds kill every victim at every point. */
export function planOf(seed: number): Plan {
  const [lap, place] = [Math.floor(seed / LAP_ROUNDS), seed % LAP_ROUNDS]
  const atRandom = seed % RANDOM_EVERY === 0 ? [AT_RANDOM] : []
  return plan(seed, [...shareOf(place), ...atRandom], VICTIMS[(place + lap) % VICTIMS.length] as Victim)
}

/** Each kind of step, and each other point, once: the twenty kills of `npm test`, one round for each victim. */
export function planShortLap(): readonly Plan[] {
  const points = [...POINTS_IN_TURN, AT_RANDOM]
  return SHORT_LAP.map(([victim, from, to], seed) => plan(seed, points.slice(from, to), victim))
}

/** One kill, under a ledger with a fault that it shows. */
export function planFault(fault: Fault, seed: number): Plan {
  return { seed, victim: 'PostgreSQL', writers: 1, kills: [{ point: SHOWS_FAULTS, nth: 1, afterMs: 0 }], fault }
}

/** The named points whose turn it is. */
function shareOf(place: number): readonly string[] {
  const from = (nth: number): number => Math.floor((nth * NAMED_POINTS.length) / LAP_ROUNDS)
  return NAMED_POINTS.slice(from(place), from(place + 1))
}

function plan(seed: number, named: readonly string[], victim: Victim): Plan {
  const random = seededRandom(seed)
  const kills = named.map((point) => {
    return { point, nth: 1 + random.below(NTH_MAX), afterMs: AFTER_MS.from + random.below(AFTER_MS.to - AFTER_MS.from) }
  })
  const crosses = named.some((point) => point.includes('crossing')) || random.chance(0.3)
  return { seed, victim, writers: crosses ? WRITERS_MAX : 1, kills, fault: 'none' }
}
