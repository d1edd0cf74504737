import { type Ending, Leadership, type Limits } from './leadership.ts'
import type { JournalStore } from './store.ts'
import { takeOver } from './take-over.ts'
import type { Timers } from './timers.ts'

export type Lead =
  | { readonly kind: 'leading'; readonly leadership: Leadership }
  /** Try again, a little later than others would. */
  | { readonly kind: 'not_leading'; readonly why: string }

export type Journal = {
  /**
   * Takes the lead from whoever has it, and answers once all that was committed is known to be. Whoever led commits nothing any
   * more, whether it knows or not. @throws Error if the stores are not those that the journal was founded in
   */
  lead(): Promise<Lead>
}

const LIMITS: Limits = {
  answerMs: 2_000,
  patienceMs: 5_000,
  pauseMs: 200,
  idleMs: 500,
  sendBytesMax: 4 * 1024 * 1024,
  underWayMax: 1_000,
}

/**
 * One journal in several stores. Each record is sent to all of them and counts when `writes` have it on their disks; the stores
 * may come and go. Who leads is settled by the stores alone, never by a clock: any process may try to at any time.
 */
export function createJournal(options: {
  /** Their order is part of what the journal is. */
  readonly stores: readonly JournalStore[]
  readonly writes: number
  readonly timers: Timers
  readonly limits?: Limits
  readonly onEnd?: (ending: Ending) => void
}): Journal {
  const { stores, writes, timers, limits = LIMITS, onEnd = () => {} } = options
  let seen = 0
  const see = (epoch: number): void => {
    seen = Math.max(seen, epoch)
  }

  return {
    async lead() {
      const epoch = seen + 1
      const takeover = await takeOver(stores, epoch, { timers, answerMs: limits.answerMs })
      if (takeover.kind === 'fenced') {
        see(takeover.promised)
        return { kind: 'not_leading', why: `epoch ${takeover.promised} was promised to another leader` }
      }
      see(epoch)
      if (takeover.kind === 'too_few') return { kind: 'not_leading', why: takeover.why }
      const { from } = takeover
      const founded = from.voters ?? { stores, writes }
      if (founded.stores.length !== stores.length || founded.writes !== writes) {
        const was = `${founded.writes} of ${founded.stores.length}`
        throw new Error(`the journal was founded to be written to ${was} stores, not to ${writes} of ${stores.length}`)
      }
      const end = (ending: Ending): void => {
        see(ending.promised)
        onEnd(ending)
      }
      const leadership = new Leadership({ stores, writes, epoch, from, timers, limits, onEnd: end })
      const opened = await leadership.opened
      if (opened.kind === 'ok') return { kind: 'leading', leadership }
      return { kind: 'not_leading', why: leadership.ending?.why ?? 'too few stores can be reached' }
    },
  }
}
