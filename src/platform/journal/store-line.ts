import { AssertionFailed } from '../../kernel/assert.ts'
import type { LeaderLog } from './leader-log.ts'
import type { Limits } from './leadership.ts'
import { type JournalRecord, type Place, placeOf } from './record.ts'
import type { JournalStore } from './store.ts'
import { type Timers, within } from './timers.ts'
import type { StoreId } from './voters.ts'
import type { Seat } from './votes.ts'

export type LineAnswer = { readonly kind: 'answered' } | { readonly kind: 'fenced'; readonly promised: number }

type Sharing = {
  readonly epoch: number
  readonly log: LeaderLog
  readonly timers: Timers
  readonly limits: Limits
  isOver(): boolean
}

/**
 * A leader's line to one store: brings it up to the leader's log and keeps it there, one request at a time, whether it lags by a
 * record or has nothing at all. What has not been answered in time is sent again; a store takes it once.
 */
export class StoreLine implements Seat {
  readonly #journal: JournalStore
  readonly #sharing: Sharing
  readonly #onAnswer: (answer: LineAnswer) => void
  store: StoreId | null
  matched: number
  /** What was wrong when it was asked last. */
  failure: string | null = null
  /** How far back the next place is looked for, when the store has not this one. */
  #stride = 1
  #wake: () => void = () => {}
  /** Counts for nothing any more: an old copy of it was put back, and who knows what that has forgotten. */
  #liar: StoreId | null = null

  constructor(
    journal: JournalStore,
    known: Pick<Seat, 'store' | 'matched'>,
    sharing: Sharing,
    onAnswer: (answer: LineAnswer) => void,
  ) {
    this.#journal = journal
    this.#sharing = sharing
    this.#onAnswer = onAnswer
    this.store = known.store
    this.matched = known.matched
  }

  /** @throws Error if the store does not answer, or is another one by now: what it has then nobody knows */
  async read(after: number, bytesMax: number): Promise<readonly JournalRecord[]> {
    const { timers, limits } = this.#sharing
    const { store } = this
    const answer = await within(timers, limits.answerMs, this.#journal.read(after, bytesMax))
    if (answer.store !== store) throw new Error('has lost what it had')
    return answer.records
  }

  /** There is something to send, or all is over. */
  wake(): void {
    this.#wake()
  }

  async run(): Promise<void> {
    const { log, limits, isOver } = this.#sharing
    let after = log.end
    let isKnown = false
    while (!isOver()) {
      if (isKnown && after.seq === log.end.seq) await this.#rest(limits.idleMs)
      if (isOver()) return
      try {
        const next = await this.#send(after)
        isKnown = next.isKnown
        after = next.after
        this.failure = null
      } catch (error) {
        if (error instanceof AssertionFailed) throw error
        this.failure = error instanceof Error ? error.message : String(error)
        await this.#rest(limits.pauseMs)
      }
    }
  }

  /** @returns where to go on, and whether the store has this place */
  async #send(after: Place): Promise<{ readonly after: Place; readonly isKnown: boolean }> {
    const { epoch, log, timers, limits, isOver } = this.#sharing
    const records = await log.after(after, limits.sendBytesMax)
    if (isOver()) return { after, isKnown: true }
    const answer = await within(timers, limits.answerMs, this.#journal.append({ epoch, after, records }))
    if (answer.kind === 'fenced') {
      this.#onAnswer(answer)
      return Promise.reject(new Error(`has promised epoch ${answer.promised}`))
    }
    const hasLost = answer.kind === 'apart' && answer.store === this.store && answer.end < this.matched
    if (hasLost) this.#liar = answer.store
    if (answer.store === this.#liar) {
      this.store = null
      this.matched = 0
      throw new Error('it has lost what it had acknowledged, and kept its name: empty it, and it is filled anew')
    }
    if (answer.store !== this.store) this.matched = 0
    this.store = answer.store
    if (answer.kind === 'apart') return { after: await this.#placeBefore(after, answer.end), isKnown: false }
    const last = records.at(-1)
    const end = last === undefined ? after : placeOf(last)
    this.matched = Math.max(this.matched, end.seq)
    this.#stride = 1
    this.#onAnswer({ kind: 'answered' })
    return { after: end, isKnown: true }
  }

  /** A shorter log is gone on with at its end; in one of the same length or more, what it has in common lies further back. */
  #placeBefore(after: Place, end: number): Promise<Place> {
    const seq = end < after.seq ? end : Math.max(0, after.seq - this.#stride)
    this.#stride *= 2
    return this.#sharing.log.placeAt(seq)
  }

  /** Until the time is over, or there is something to do. */
  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#sharing.timers.after(ms, () => this.#wake())
      this.#wake = () => {
        stop()
        this.#wake = () => {}
        resolve()
      }
    })
  }
}
