import { type Line, openLine } from './line.ts'
import { onceAllArrived } from './turn-end.ts'

/** A request whose head has been read, and who is to be told what became of it. */
type Arrived<T> = {
  readonly request: T
  readonly settle: () => void
  readonly fail: (error: unknown) => void
}
type Waiting<T> = Arrived<T> & { readonly sinceMs: number }

export type IntakeOptions<T> = {
  /** How many requests are begun in one turn of the event loop. */
  readonly begunPerTurnMax: number
  /** How long a request waits for its turn before it is refused. */
  readonly patienceMs: number
  /** Whether a request goes before all others. Asked only of those that have to wait. */
  readonly isUrgent: (request: T) => boolean
  readonly begin: (request: T) => Promise<void>
  readonly refuse: (request: T, waitedMs: number) => void
  /** Whether nobody waits for its answer any more. */
  readonly isGone: (request: T) => boolean
}

export interface Intake<T> {
  /** Begins the request at the end of this turn, or lets it wait; settles when it has been answered, or refused. */
  take(request: T): Promise<void>
  /** How many wait now. */
  waiting(): number
}

/** Refusals in a turn, per beginning. Each costs about a quarter of an answer: together they take at most a few percent. */
const REFUSED_PER_BEGUN = 0.2

/**
 * Begins the requests of one turn of the event loop together, and only so many. The answers of those that are under way are read
 * in the same turns, so what has begun is finished before more is begun, and what waits has cost nothing but the reading of
 * its head. The urgent go first, then the others in their order; once the oldest of these has waited half as long as it may, the
 * newest go before it, for their clients are the likeliest to be still there. Who has waited too long is refused, the
 * oldest first, and at a pace: refusals never take the place of answers. Whose client is gone by its turn has no turn: it is
 * refused to nobody, which takes no time to speak of.
 */
export function createIntake<T>(options: IntakeOptions<T>): Intake<T> {
  const { begunPerTurnMax, patienceMs, isUrgent, begin, refuse, isGone } = options
  const refusedPerTurnMax = Math.max(1, Math.floor(begunPerTurnMax * REFUSED_PER_BEGUN))
  let arrived: Arrived<T>[] = []
  const urgent = openLine<Waiting<T>>()
  const ordinary = openLine<Waiting<T>>()

  const turn = (): void => {
    const newcomers = arrived
    arrived = []
    if (waiting() === 0 && newcomers.length <= begunPerTurnMax) {
      for (const newcomer of newcomers) give(newcomer, begin)
      return
    }
    const nowMs = performance.now()
    for (const newcomer of newcomers) {
      const line = isUrgent(newcomer.request) ? urgent : ordinary
      line.add({ ...newcomer, sinceMs: nowMs })
    }
    let refusals = refusedPerTurnMax
    for (const line of [urgent, ordinary]) {
      while (refusals > 0 && hasWaited(line, nowMs, patienceMs)) {
        const oldest = line.takeOldest()
        if (!isOver(oldest)) refusals -= 1
        refuseNow(oldest, nowMs)
      }
    }
    const newestFirst = hasWaited(ordinary, nowMs, patienceMs / 2)
    let begun = 0
    while (begun < begunPerTurnMax && waiting() > 0) {
      const next = urgent.takeOldest() ?? (newestFirst ? ordinary.takeNewest() : ordinary.takeOldest())
      if (isOver(next)) {
        refuseNow(next, nowMs)
      } else {
        begun += 1
        give(next, begin)
      }
    }
    if (waiting() > 0) onceAllArrived(turn)
  }

  const refuseNow = (waiting: Waiting<T> | undefined, nowMs: number): void => {
    if (waiting !== undefined) give(waiting, (request) => refuse(request, nowMs - waiting.sinceMs))
  }
  const isOver = (waiting: Waiting<T> | undefined): boolean => waiting !== undefined && isGone(waiting.request)
  const waiting = (): number => urgent.length() + ordinary.length()

  return {
    take(request) {
      if (arrived.length === 0 && waiting() === 0) onceAllArrived(turn)
      return new Promise((settle, fail) => {
        arrived.push({ request, settle, fail })
      })
    },
    waiting: () => waiting() + arrived.length,
  }
}

function hasWaited(line: Line<Waiting<unknown>>, nowMs: number, ms: number): boolean {
  const oldest = line.oldest()
  return oldest !== undefined && nowMs - oldest.sinceMs > ms
}

function give<T>(arrived: Arrived<T> | undefined, act: (request: T) => Promise<void> | void): void {
  if (arrived === undefined) return
  const { request, settle, fail } = arrived
  try {
    const outcome = act(request)
    if (outcome === undefined) settle()
    else outcome.then(settle, fail)
  } catch (error) {
    fail(error)
  }
}
