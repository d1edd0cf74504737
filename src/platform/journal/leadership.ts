import { assert } from '../../kernel/assert.ts'
import { LeaderLog } from './leader-log.ts'
import { BODY_BYTES_MAX, type JournalRecord, type Place, type RecordKind } from './record.ts'
import type { JournalStore } from './store.ts'
import { type LineAnswer, StoreLine } from './store-line.ts'
import type { Timers } from './timers.ts'
import { type Recovered, type StoreId, type Voters, votersOf } from './voters.ts'
import { committedUpTo, type Reign, type Seat } from './votes.ts'

export type Outcome =
  /** Enough stores have it on their disks. */
  | { readonly kind: 'ok'; readonly record: JournalRecord }
  /** It was sent nowhere, and never will be. */
  | { readonly kind: 'rejected'; readonly why: string }
  /** Whether it stays, the next leader finds out. */
  | { readonly kind: 'unknown' }

export type Limits = {
  /** How long a store has to answer. */
  readonly answerMs: number
  /** How long a record may take to be on enough stores before the leader gives up. */
  readonly patienceMs: number
  /** A store that has failed is asked again after this. */
  readonly pauseMs: number
  /** A store to which there is nothing to send is asked for its state as often. */
  readonly idleMs: number
  /** How much a store is sent at once. */
  readonly sendBytesMax: number
  /** How many records may be under way. */
  readonly underWayMax: number
}

/** Why a leader is one no more. `promised`: a store has promised this epoch to somebody else. */
export type Ending = { readonly why: string; readonly promised: number }

/** `votes`: it is among the voters, and nobody doubts it any more. */
export type SeatState = Seat & { readonly votes: boolean; readonly failure: string | null }

type Waiting = {
  readonly record: JournalRecord
  readonly answer: (outcome: Outcome) => void
  readonly stop: () => void
}

/**
 * What one leader does between its takeover and its end: it appends to all stores at once, each at its own pace, and answers when
 * enough have a record. It never answers on the strength of an older leader's records before one of its own is committed. It ends
 * by itself when it sees a newer epoch, or can't reach enough stores.
 */
export class Leadership {
  readonly epoch: number
  readonly #limits: Limits
  readonly #timers: Timers
  readonly #lines: readonly StoreLine[]
  readonly #log: LeaderLog
  readonly #waiting: Waiting[] = []
  readonly #reigns: Reign[] = []
  readonly #barrier: number
  readonly #onEnd: (ending: Ending) => void
  #committed = 0
  #ending: Ending | null = null
  /** Settled once the leader's first record is: `ok` means that it leads. */
  readonly opened: Promise<Outcome>

  constructor(options: {
    readonly stores: readonly JournalStore[]
    readonly writes: number
    readonly epoch: number
    readonly from: Recovered
    readonly timers: Timers
    readonly limits: Limits
    readonly onEnd: (ending: Ending) => void
  }) {
    const { stores, writes, epoch, from, timers, limits, onEnd } = options
    this.epoch = epoch
    this.#limits = limits
    this.#timers = timers
    this.#onEnd = onEnd
    this.#barrier = from.end.seq + 1
    this.#log = new LeaderLog(epoch, from.end, () => this.#lines)
    const sharing = { epoch, timers, limits, log: this.#log, isOver: () => this.#ending !== null }
    this.#lines = stores.map((store, place) => {
      const known = { store: from.promised[place] ?? null, matched: place === from.place ? from.end.seq : 0 }
      return new StoreLine(store, known, sharing, (answer) => this.#hear(answer))
    })
    if (from.voters !== null) this.#reigns.push({ from: 0, voters: from.voters })
    this.opened = from.voters === null ? this.#add('voters', foundingOf(from, writes)) : this.#add('barrier', '')
    for (const line of this.#lines) line.run()
  }

  /** The body is any text without NUL, of 8 MiB at most. */
  append(body: string): Promise<Outcome> {
    assert(body.isWellFormed() && !body.includes('\0'), 'a body is text, without NUL')
    assert(Buffer.byteLength(body) <= BODY_BYTES_MAX, `a body has up to ${BODY_BYTES_MAX} bytes`)
    if (this.#committed < this.#barrier) return rejected('this leader has not begun yet')
    if (this.#waiting.length >= this.#limits.underWayMax) return rejected('too many records are under way')
    return this.#add('batch', body)
  }

  /** Whether it leads still: `ok` when enough stores have taken a record, with nothing in it, after this was asked. */
  confirm(): Promise<Outcome> {
    if (this.#committed < this.#barrier) return rejected('this leader has not begun yet')
    return this.#add('barrier', '')
  }

  /** The place of a record that is committed. @throws Error if there is none, or no store has it */
  async placeAt(seq: number): Promise<Place> {
    if (seq > this.#committed) throw new Error(`the journal ends at record ${this.#committed}`)
    return this.#log.placeAt(seq)
  }

  /** The committed batches after a number, up to what is committed when it gets there. @throws Error if no store has them */
  async *replay(after: number): AsyncGenerator<JournalRecord> {
    let place = await this.#log.placeAt(after)
    while (place.seq < this.#committed && this.#ending === null) {
      for (const record of await this.#log.after(place, this.#limits.sendBytesMax)) {
        if (record.seq > this.#committed) return
        if (record.kind === 'batch') yield record
        place = record
      }
    }
  }

  get ending(): Ending | null {
    return this.#ending
  }

  /** What is known of the stores, by their place in the configuration. */
  state(): { readonly end: number; readonly committed: number; readonly stores: readonly SeatState[] } {
    const reign = this.#reigns.at(-1)
    const isSettled = reign !== undefined && reign.voters.before === null && reign.from <= this.#committed
    const seats = this.#lines.map(({ store, matched, failure }, place) => {
      const own = reign?.voters.stores.indexOf(store ?? ('' as StoreId)) ?? -1
      const elsewhere = own === -1 || own === place ? null : `it is the store of place ${own}, and counts there`
      return { store, matched, votes: isSettled && own === place, failure: failure ?? elsewhere }
    })
    return { end: this.#log.end.seq, committed: this.#committed, stores: seats }
  }

  resign(why: string): void {
    this.#end({ why, promised: 0 })
  }

  #add(kind: RecordKind, body: string): Promise<Outcome> {
    if (this.#ending !== null) return rejected(this.#ending.why)
    const record = this.#log.append(kind, body)
    const voters = votersOf(record)
    if (voters !== null) this.#reigns.push({ from: record.seq, voters })
    return new Promise((answer) => {
      const stop = this.#timers.after(this.#limits.patienceMs, () => this.resign('too few stores can be reached'))
      this.#waiting.push({ record, answer, stop })
      for (const line of this.#lines) line.wake()
    })
  }

  #hear(answer: LineAnswer): void {
    if (this.#ending !== null) return
    if (answer.kind === 'answered') this.#advance()
    else if (answer.promised > this.epoch) {
      this.#end({ why: `epoch ${answer.promised} was promised to another leader`, promised: answer.promised })
    }
  }

  #advance(): void {
    const committed = committedUpTo(this.#lines, this.#reigns, this.#log.end.seq)
    // Records of older epochs count from when one of this epoch does: until then a store with a longer log might still cut them.
    if (committed < this.#barrier) return
    if (committed > this.#committed) {
      this.#committed = committed
      while ((this.#waiting[0]?.record.seq ?? Number.POSITIVE_INFINITY) <= committed) this.#answerFirst('ok')
      while ((this.#reigns[1]?.from ?? Number.POSITIVE_INFINITY) <= committed) this.#reigns.shift()
      this.#log.trim(committed)
    }
    this.#seat()
  }

  /** Gives a filled store the vote of the one whose place it has, in two steps: no two leaders ever count differently. */
  #seat(): void {
    const reign = this.#reigns.at(-1)
    if (reign === undefined || reign.from > this.#committed) return
    const { voters } = reign
    if (voters.before !== null) {
      this.#reseat({ ...voters, before: null })
      return
    }
    const place = this.#lines.findIndex(({ store, matched }) => {
      // One that has a place already is named twice: with two votes it would make two of one.
      return store !== null && !voters.stores.includes(store) && matched >= this.#committed
    })
    const store = this.#lines[place]?.store ?? null
    if (store === null) return
    this.#reseat({ ...voters, stores: voters.stores.with(place, store), before: voters.stores })
  }

  #reseat(voters: Voters): void {
    void this.#add('voters', JSON.stringify(voters))
  }

  #answerFirst(kind: 'ok' | 'unknown'): void {
    const first = this.#waiting.shift()
    assert(first !== undefined, 'somebody waits')
    first.stop()
    first.answer(kind === 'ok' ? { kind, record: first.record } : { kind })
  }

  #end(ending: Ending): void {
    if (this.#ending !== null) return
    this.#ending = ending
    while (this.#waiting.length > 0) this.#answerFirst('unknown')
    for (const line of this.#lines) line.wake()
    this.#onEnd(ending)
  }
}

/** The first record of a journal: all its stores. */
function foundingOf({ promised }: Recovered, writes: number): string {
  const stores = promised.filter((store) => store !== null)
  assert(stores.length === promised.length, 'a journal is founded in all its stores')
  const voters: Voters = { stores, writes, before: null }
  return JSON.stringify(voters)
}

function rejected(why: string): Promise<Outcome> {
  return Promise.resolve({ kind: 'rejected', why })
}
