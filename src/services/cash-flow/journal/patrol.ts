import type { Leadership, SeatState } from '../../../platform/journal/leadership.ts'
import { START } from '../../../platform/journal/record.ts'
import { type Scrubbed, scrub } from '../../../platform/journal/scrub.ts'
import type { JournalStore } from '../../../platform/journal/store.ts'
import { systemTimers, within } from '../../../platform/journal/timers.ts'
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
const READ_MS_MAX = 5_000

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
  /** Behind which record the walk has begun, or the next one will; null: any, or who starts often would never come to the end. */
  #from: number | null = null
  #restSteps = 0
  /** What was found wrong last, and in which store, by its own name: one that was filled anew is another. */
  #told: { readonly store: string; readonly seen: Scrubbed } | null = null
  /** Why the store could not be read: that says nothing of what it has. */
  #unread: unknown = null

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
    const end = Math.min(seat?.matched ?? 0, committed)
    // One that lags is read when it has what is to be read, and what a leader knows of it when it begins is nothing.
    if (seat === undefined || !isRead(seat) || end < Math.max(1, this.#from ?? 1)) return
    if (leadership !== this.#leader) [this.#leader, this.#walk] = [leadership, null]
    if (this.#told !== null && this.#told.store !== seat.store) this.#clear()
    if (this.#restSteps > 0) {
      this.#restSteps -= 1
      return
    }
    try {
      this.#walk ??= await this.#begin(leadership, seat.store, end)
      const { value: seen } = await this.#walk.next()
      if (leadership.ending === null) this.#judge(seat.store, seen ?? null)
    } catch (err) {
      if (leadership.ending === null) this.#putOff(err)
    }
  }

  async #begin(leadership: Leadership, store: string, end: number): Promise<AsyncGenerator<Scrubbed, void>> {
    this.#from ??= Math.floor(Math.random() * end)
    const from = this.#from === 0 ? START : await leadership.placeAt(this.#from)
    return scrub({ read: this.#readOf(store) }, await leadership.placeAt(end), from, STEP_BYTES)
  }

  #readOf(store: string): JournalStore['read'] {
    return async (after, bytesMax) => {
      try {
        const answer = await within(systemTimers, READ_MS_MAX, this.#named.store.read(after, bytesMax))
        if (answer.store !== store) throw new Error('another store is there by now')
        return answer
      } catch (error) {
        this.#unread = error
        throw error
      }
    }
  }

  #judge(store: string, seen: Scrubbed | null): void {
    if (this.#unread !== null) {
      this.#from = seen?.read ?? this.#from
      this.#putOff(this.#unread)
      return
    }
    if (seen?.fault) {
      this.#fail(store, seen)
      return
    }
    if (this.#told !== null && (seen === null || seen.isOver || seen.read > this.#told.seen.read)) this.#clear()
    if (seen !== null && !seen.isOver) return
    // A round that began amid the records has those before to come.
    this.#restSteps = this.#from === 0 ? this.#pace.roundRestSteps : 0
    this.#from = 0
    this.#walk = null
  }

  #fail(store: string, seen: Scrubbed): void {
    const { read, fault } = seen
    this.#log.error({ store: this.#named.name, behind: read, fault }, 'a store of the journal is not as the others')
    this.#found[this.#place] = seen
    this.#told = { store, seen }
    this.#from = read
    this.#restSteps = this.#pace.faultRestSteps
    this.#walk = null
  }

  /** A store that is away is told of by whoever appends. */
  #putOff(err: unknown): void {
    this.#log.warn({ err, store: this.#named.name }, 'a store of the journal could not be read through; later again')
    this.#unread = null
    this.#restSteps = this.#pace.faultRestSteps
    this.#walk = null
  }

  #clear(): void {
    // What an operator's scrub has found since stays.
    if (this.#found[this.#place] === this.#told?.seen) this.#found[this.#place] = null
    this.#told = null
    this.#restSteps = 0
  }
}

function isRead(seat: SeatState): seat is SeatState & { readonly store: NonNullable<SeatState['store']> } {
  return seat.store !== null && seat.votes && seat.failure === null
}
