import type { Leadership } from '../../../platform/journal/leadership.ts'
import { START } from '../../../platform/journal/record.ts'
import { type Scrubbed, scrub } from '../../../platform/journal/scrub.ts'
import type { Log } from '../../../platform/log.ts'
import type { NamedStore } from './lead.ts'

export type Pace = {
  /** From one step to the next. */
  readonly stepMs: number
  /** Steps that are left out between two rounds. */
  readonly roundRestSteps: number
  /** Steps that are left out where something was wrong, before the same record is read again. */
  readonly faultRestSteps: number
}

/** 150 GB of each store in a week; an hour between rounds, ten minutes behind a fault. */
export const PACE: Pace = { stepMs: 1_000, roundRestSteps: 3_600, faultRestSteps: 600 }
const STEP_BYTES = 256 * 1024

/**
 * Reads every store through, round after round and a little at each step, so that a record that was spoilt is found while others
 * have it still. A store in files ends by reading such a record, and is filled anew; what a database has spoilt is only told.
 * `found`: by the place of the store what is wrong with it, for whoever asks.
 */
export function createPatrol(stores: readonly NamedStore[], pace: Pace, found: (Scrubbed | null)[], log: Log) {
  const beats = stores.map((named, place) => new Beat(named, place, pace, found, log))
  return {
    async step(leadership: Leadership): Promise<void> {
      await Promise.all(beats.map((beat) => beat.step(leadership)))
    },
  }
}

/** The way through one store. */
class Beat {
  readonly #named: NamedStore
  readonly #place: number
  readonly #pace: Pace
  readonly #found: (Scrubbed | null)[]
  readonly #log: Log
  #leader: Leadership | null = null
  #walk: AsyncGenerator<Scrubbed, void> | null = null
  /** The record behind which the next walk begins; null: any, for a process that starts often would never come to the end. */
  #from: number | null = null
  #restSteps = 0
  /** By its own name the store in which something was wrong: one that was filled anew is another. */
  #faulty: string | null = null

  constructor(named: NamedStore, place: number, pace: Pace, found: (Scrubbed | null)[], log: Log) {
    this.#named = named
    this.#place = place
    this.#pace = pace
    this.#found = found
    this.#log = log
  }

  async step(leadership: Leadership): Promise<void> {
    const { stores, committed } = leadership.state()
    const seat = stores[this.#place]
    if (seat === undefined || seat.store === null || !seat.votes || seat.failure !== null) return
    if (leadership !== this.#leader) [this.#leader, this.#walk] = [leadership, null]
    if (this.#faulty !== null && this.#faulty !== seat.store) this.#clear()
    if (this.#restSteps > 0) {
      this.#restSteps -= 1
      return
    }
    this.#walk ??= await this.#begin(leadership, Math.min(seat.matched, committed))
    const { value: seen } = await this.#walk.next()
    if (leadership.ending !== null) return // who leads no more can't tell what is wrong
    if (seen?.fault) this.#fail(seat.store, seen)
    else if (seen?.isOver !== false) this.#goOn()
  }

  async #begin(leadership: Leadership, end: number): Promise<AsyncGenerator<Scrubbed, void>> {
    const behind = Math.min(this.#from ?? Math.floor(Math.random() * end), end)
    this.#from = behind
    const from = behind === 0 ? START : await leadership.placeAt(behind)
    return scrub(this.#named.store, await leadership.placeAt(end), from, STEP_BYTES)
  }

  #fail(store: string, seen: Scrubbed): void {
    const { read, fault } = seen
    this.#log.error({ store: this.#named.name, behind: read, fault }, 'a store of the journal is not as the others')
    this.#found[this.#place] = seen
    this.#faulty = store
    this.#from = read
    this.#restSteps = this.#pace.faultRestSteps
    this.#walk = null
  }

  /** A round that began amid the records has those before to come. */
  #goOn(): void {
    if (this.#faulty !== null) this.#clear()
    this.#restSteps = this.#from === 0 ? this.#pace.roundRestSteps : 0
    this.#from = 0
    this.#walk = null
  }

  #clear(): void {
    this.#found[this.#place] = null
    this.#faulty = null
    this.#restSteps = 0
    this.#walk = null
  }
}
