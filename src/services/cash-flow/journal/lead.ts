import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../../../kernel/problem.ts'
import type { Statement } from '../../../platform/database.ts'
import { keepDoing, type Round } from '../../../platform/every.ts'
import { createJournal } from '../../../platform/journal/journal.ts'
import type { Leadership, SeatState } from '../../../platform/journal/leadership.ts'
import { type Place, START } from '../../../platform/journal/record.ts'
import type { Scrubbed } from '../../../platform/journal/scrub.ts'
import type { JournalStore } from '../../../platform/journal/store.ts'
import { systemTimers } from '../../../platform/journal/timers.ts'
import type { Log } from '../../../platform/log.ts'
import type { Outbox } from '../../../platform/outbox.ts'
import { beatPulse, type Pulse, readProjection, readPulse } from '../store.ts'
import { carryOut } from './carry-out.ts'
import { createPatrol, PACE, type Pace } from './patrol.ts'
import { createScrubbing } from './scrubbing.ts'

const LOOK_MS = 500
/** Without a beat between so many looks of its own, a process takes the lead. */
const SILENT_LOOKS = 4
/** A process that has just begun knows no epoch yet: the first refusal tells it. */
const ATTEMPTS_MAX = 2
/** Alone, nobody else could do better: a disk that is slow has some twenty seconds to answer. */
const ATTEMPTS_ALONE_MAX = 10

/** What a process that leads knows of its database. */
export type Reign = {
  readonly leadership: Leadership
  /** What the database has carried out last … */
  place: Place
  /** … unless this is not known, or is behind what is committed. */
  isBehind: boolean
  /** With processes that may take the lead. */
  readonly isShared: boolean
}

export type LeadState = {
  /** Why this process does not lead; null where it does. */
  readonly why: string | null
  readonly epoch: number | null
  readonly end: number | null
  readonly committed: number | null
  readonly stores: readonly (SeatState & { readonly name: string; readonly scrubbed: Scrubbed | null })[]
}

export type NamedStore = { readonly name: string; readonly store: JournalStore }

export type LeadOptions = {
  readonly stores: readonly NamedStore[]
  readonly writes: number
  /** No other process can reach the database: nobody has to be waited for. */
  readonly alone: boolean
  /** How often a leader beats, and others look. */
  readonly lookMs?: number
  /** At which the leader reads its stores through, where there are several. */
  readonly pace?: Pace
  readonly outbox: Pick<Outbox, 'transaction' | 'atOnce'>
  readonly log: Log
}

export type Lead = ReturnType<typeof createLead>

/**
 * This process's part in who leads the journal. One that leads brings its database up to what is committed, and beats in it;
 * another one takes the lead when the beats cease. That two believe to lead does no harm: the stores hear one of them.
 */
export function createLead(options: LeadOptions) {
  const { stores, writes, alone, outbox, log, lookMs = LOOK_MS, pace = PACE } = options
  const stop = new AbortController()
  let nap = new AbortController()
  let reign: Reign | null = null
  let why = 'this process has not asked for the lead yet'
  let heard: Pulse | null = null
  let silentLooks = 0
  let isServing = false
  let turn: Promise<unknown> = Promise.resolve()
  let watching: Promise<void> = Promise.resolve()
  const { transaction } = outbox
  const found: (Scrubbed | null)[] = stores.map(() => null)
  const scrubbing = createScrubbing(stores, found)
  const patrol = createPatrol(stores, pace, found, log)
  let patrolling: Round | null = null
  const journal = createJournal({
    stores: stores.map(({ store }) => store),
    writes,
    timers: systemTimers,
    onEnd: (ending) => lose(ending.why),
  })

  function lose(because: string): void {
    if (reign !== null) log.warn({ epoch: reign.leadership.epoch, why: because }, 'the lead of the journal is lost')
    reign = null
    isServing = false
    why = because
    nap.abort()
  }

  async function take(onLead: () => Promise<void>): Promise<void> {
    const attemptsMax = alone ? ATTEMPTS_ALONE_MAX : ATTEMPTS_MAX
    let answer = await journal.lead()
    for (let attempts = 1; answer.kind === 'not_leading' && attempts < attemptsMax; attempts++) {
      if (alone) await sleep(lookMs, null, { signal: stop.signal }).catch(() => null)
      if (stop.signal.aborted) break
      answer = await journal.lead()
    }
    if (answer.kind === 'not_leading') {
      why = answer.why
      return
    }
    const { leadership } = answer
    reign = { leadership, place: START, isBehind: true, isShared: !alone }
    try {
      await inTurn(async () => {})
      await beat(leadership.epoch)
      await onLead()
      isServing = reign?.leadership === leadership
      const takesOver = heard !== null && heard.epoch !== 0
      log[takesOver ? 'warn' : 'info']({ epoch: leadership.epoch, record: leadership.state().end }, 'leads the journal')
    } catch (error) {
      leadership.resign('its database could not be brought up to the journal')
      if (reign?.leadership === leadership) lose(leadership.ending?.why ?? '') // it had ended before it was ours
      throw error
    }
  }

  /** One at a time, in a process that leads, its database brought up to the journal. @throws Problem `dependency_unavailable` */
  function inTurn<T>(work: (reign: Reign) => Promise<T>): Promise<T> {
    const mine = turn.then(async () => {
      const mine = reign
      if (mine === null) throw notLeading(why)
      if (mine.isBehind) await catchUp(mine)
      return work(mine)
    })
    turn = mine.catch(() => null)
    return mine
  }

  async function catchUp(mine: Reign): Promise<void> {
    const { leadership } = mine
    let place = await transaction(readProjection)
    const known = place.seq > leadership.state().committed ? null : await leadership.placeAt(place.seq)
    if (known?.hash !== place.hash) {
      // Another leader's doing, of whom this one does not know yet; or nobody's who has this journal.
      if ((await leadership.confirm()).kind !== 'ok') throw notLeading('another process leads')
      throw new Error(`the database has carried out record ${place.seq} of another journal, or of more of this one`)
    }
    const begun = place.seq
    const months = new Set<string>()
    for await (const record of leadership.replay(place.seq)) place = await carryOut(outbox, place, record, months)
    if (place.seq > begun) log.warn({ after: begun, record: place.seq }, 'the database was brought up to the journal')
    if (leadership.ending !== null) throw notLeading(leadership.ending.why)
    mine.place = place
    mine.isBehind = false
  }

  /** In one message: who is stopped on the way holds nothing that the next leader needs. */
  const tell = (statement: Statement): Promise<void> => outbox.atOnce([statement], { happenings: [], pages: [] })

  async function beat(epoch: number): Promise<void> {
    if (!alone) await tell(beatPulse(epoch, epoch))
  }

  /** Whether nobody else seems to lead. */
  async function isVacant(): Promise<boolean> {
    const pulse = await transaction(readPulse)
    const isSilent = heard !== null && heard.beat === pulse.beat
    heard = pulse
    silentLooks = isSilent ? silentLooks + 1 : 0
    return alone || pulse.epoch === 0 || silentLooks >= SILENT_LOOKS
  }

  async function look(onLead: () => Promise<void>): Promise<void> {
    if (reign !== null) {
      await beat(reign.leadership.epoch)
    } else if (await isVacant()) await take(onLead)
    else why = 'another process leads'
  }

  /** Where there is but one store nobody could mend it, and who reads a record that was spoilt ends it. */
  function startPatrol(): Round | null {
    if (stores.length === 1) return null
    return keepDoing({
      ...{ name: 'the patrol of the journal', everyMs: pace.stepMs, log },
      async work() {
        const leadership = isServing ? reign?.leadership : undefined
        if (leadership !== undefined) await patrol.step(leadership)
        return false
      },
    })
  }

  async function watch(onLead: () => Promise<void>): Promise<void> {
    while (!stop.signal.aborted) {
      nap = new AbortController()
      const signal = AbortSignal.any([stop.signal, nap.signal])
      // Not to the millisecond: of two that want the lead one is first.
      await sleep(lookMs * (0.9 + Math.random() * 0.2), null, { signal }).catch(() => null)
      if (stop.signal.aborted) return
      await look(onLead).catch((err) => log.error({ err }, 'who leads the journal is looked at again'))
    }
  }

  return {
    /**
     * Takes the lead if nobody seems to have it, and from then on looks whether that changes. `onLead`: called each time
     * when this process leads, before it is ready. One that loses the lead meanwhile stands by.
     * @throws Error where it can't, though nobody else can
     */
    async begin(onLead: () => Promise<void>): Promise<void> {
      await look(onLead).catch((err) => {
        if (alone || !(err instanceof Problem)) throw err
        log.warn({ err }, 'this process did not come to lead the journal, and stands by')
      })
      if (alone && reign === null) throw new Error(`the journal can not be written: ${why}`)
      watching = watch(onLead)
      patrolling = startPatrol()
    },

    inTurn,

    /** Whether this process may answer: nobody has taken the lead from this epoch. Asks the stores. */
    async confirm(epoch: number): Promise<boolean> {
      const leadership = reign?.leadership
      return leadership?.epoch === epoch && (await leadership.confirm()).kind === 'ok'
    },

    isServing: () => isServing,

    state(): LeadState {
      const leadership = reign?.leadership
      if (leadership === undefined) return { why, epoch: null, end: null, committed: null, stores: [] }
      const { end, committed, stores: seats } = leadership.state()
      const named = seats.map((seat, place) => {
        return { name: stores[place]?.name ?? '', ...seat, scrubbed: found[place] ?? null }
      })
      return { why: null, epoch: leadership.epoch, end, committed, stores: named }
    },

    /** Reads all stores through, and compares them, while all goes on: `state` tells what is found. */
    scrub(): void {
      if (reign !== null) scrubbing.begin(reign.leadership)
    },

    /** Lets another process lead at once. */
    async close(): Promise<void> {
      stop.abort()
      await patrolling?.close()
      await watching
      await turn
      const leadership = reign?.leadership
      reign = null // it does not lose the lead, but gives it
      if (leadership === undefined) return
      leadership.resign('the process ends')
      await scrubbing.idle()
      if (!alone) await tell(beatPulse(leadership.epoch, 0)).catch(() => null)
    },
  }
}

function notLeading(why: string): Problem {
  return new Problem('dependency_unavailable', {
    detail: `this process does not lead the ledger's journal; nothing was done`,
    headers: { 'retry-after': '1' },
    cause: why,
  })
}
