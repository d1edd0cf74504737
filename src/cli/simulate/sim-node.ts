import { createJournal } from '../../platform/journal/journal.ts'
import type { Leadership, Limits } from '../../platform/journal/leadership.ts'
import type { JournalRecord } from '../../platform/journal/record.ts'
import type { Timers } from '../../platform/journal/timers.ts'
import type { Checks } from './checks.ts'
import { type SimBatch, type SimCommand, type SimFact, SimLedger } from './sim-ledger.ts'
import type { SimStore } from './sim-store.ts'
import type { World } from './world.ts'

export type SimAnswer =
  | { readonly kind: 'ok'; readonly outcome: SimFact['outcome'] }
  | { readonly kind: 'rejected' | 'unknown' }

type Asked = { readonly command: SimCommand; readonly answer: (answer: SimAnswer) => void }

const LIMITS: Limits = { answerMs: 60, patienceMs: 250, pauseMs: 15, idleMs: 60, sendBytesMax: 4_000, underWayMax: 40 }
const COMMANDS_MAX = 6
/** In some runs they fight for the lead, in others they let each other be. */
const LEAD_EVERY_MS = [50, 120, 350]
const EXPIRE_EVERY_MS = 120

/** What a node keeps in SQL: what follows from the committed batches, up to one of them. It outlives the process. */
export class Projection {
  readonly ledger = new SimLedger()
  readonly applied: JournalRecord[] = []

  apply(record: JournalRecord): void {
    const { at, facts } = JSON.parse(record.body) as SimBatch
    for (const fact of facts) this.ledger.apply(fact, at)
    this.applied.push(record)
  }
}

/** A process of the ledger that would like to lead: decides in memory, appends, applies what is committed, answers. */
export class SimNode {
  readonly name: string
  readonly projection = new Projection()
  readonly #world: World
  readonly #stores: readonly SimStore[]
  readonly #writes: number
  readonly #checks: Checks
  #life = 0
  #pausedUntil = 0
  readonly #leadEveryMs: number
  #clockOffset = 0
  #leadership: Leadership | null = null
  /** With what was decided and is not committed yet; thrown away with the leadership. */
  #decided = new SimLedger()
  readonly #underWay = new Map<string, Promise<SimAnswer>>()
  #waiting: Asked[] = []

  constructor(name: string, world: World, stores: readonly SimStore[], writes: number, checks: Checks) {
    this.#leadEveryMs = world.chance.of(LEAD_EVERY_MS)
    this.isWanted = () => world.chance.is(0.7)
    this.name = name
    this.#world = world
    this.#stores = stores
    this.#writes = writes
    this.#checks = checks
    this.start()
  }

  /** Whether it should try to take the lead now. */
  isWanted: () => boolean

  /** Whether holds expire by themselves. */
  isExpiring = true

  get leads(): boolean {
    return this.#leadership !== null && this.#leadership.ending === null
  }

  get leadership(): Leadership | null {
    return this.#leadership
  }

  start(): void {
    this.kill() // two faults may have ended it, and each starts it again
    const life = this.#life
    const timers: Timers = { after: (ms, call) => this.#after(life, ms, call) }
    const journal = createJournal({
      stores: this.#stores.map((store) => store.from(this.name)),
      writes: this.#writes,
      timers,
      limits: LIMITS,
    })
    const tryToLead = async (): Promise<void> => {
      if (!this.leads && this.isWanted()) {
        const lead = await journal.lead()
        if (life === this.#life && lead.kind === 'leading') await this.#begin(life, lead.leadership)
      }
      if (life === this.#life) timers.after(this.#world.chance.wait(this.#leadEveryMs), () => void tryToLead())
    }
    const expire = (): void => {
      if (this.leads && this.isExpiring) for (const hold of this.#decided.expired(this.#now())) this.#expire(hold)
      timers.after(EXPIRE_EVERY_MS, expire)
    }
    timers.after(this.#world.chance.wait(this.#leadEveryMs / 2), () => void tryToLead())
    timers.after(EXPIRE_EVERY_MS, expire)
  }

  kill(): void {
    this.#life++
    this.#leadership = null
    this.#underWay.clear()
    this.#waiting = []
  }

  /** Stopped in the middle of whatever it did; all that was due comes when it goes on. */
  pause(ms: number): void {
    this.#pausedUntil = this.#world.now + ms
  }

  jumpClock(ms: number): void {
    this.#clockOffset += ms
  }

  /** May never be answered. */
  ask(command: SimCommand): Promise<SimAnswer> {
    const life = this.#life
    return new Promise((resolve) => {
      this.#after(life, 0, () => {
        if (!this.leads) return resolve({ kind: 'rejected' })
        const underWay = this.#underWay.get(command.id)
        if (underWay !== undefined) return void underWay.then(resolve)
        const answered = this.#decided.answers.get(command.id)
        if (answered !== undefined) return resolve({ kind: 'ok', outcome: answered })
        this.#underWay.set(command.id, new Promise((answer) => this.#take(life, { command, answer })))
        void this.#underWay.get(command.id)?.then(resolve)
      })
    })
  }

  #expire(hold: string): void {
    const id = `expire-${hold}`
    if (!this.#underWay.has(id)) void this.ask({ id, kind: 'expire', hold })
  }

  #take(life: number, asked: Asked): void {
    this.#waiting.push(asked)
    if (this.#waiting.length === 1) this.#after(life, 1, () => void this.#runBatch(life))
  }

  async #begin(life: number, leadership: Leadership): Promise<void> {
    try {
      for await (const record of leadership.replay(this.projection.applied.at(-1)?.seq ?? 0)) {
        if (life !== this.#life) return
        this.#apply(record)
      }
    } catch {
      leadership.resign('what was committed can not be read')
    }
    if (life !== this.#life || leadership.ending !== null) return
    this.#leadership = leadership
    this.#decided = new SimLedger(this.projection.ledger)
    this.#underWay.clear()
    this.#waiting = []
    this.#checks.leadership()
  }

  async #runBatch(life: number): Promise<void> {
    const leadership = this.#leadership
    const batch = this.#waiting.splice(0, COMMANDS_MAX)
    if (this.#waiting.length > 0) this.#after(life, 1, () => void this.#runBatch(life))
    if (leadership === null || leadership.ending !== null || batch.length === 0) {
      for (const { answer } of batch) answer({ kind: 'rejected' })
      return
    }
    const at = Math.max(this.#now(), this.#decided.at)
    const facts = batch.map(({ command }) => this.#decided.decide(command, at))
    const outcome = await leadership.append(JSON.stringify({ at, facts } satisfies SimBatch))
    if (life !== this.#life) return
    if (outcome.kind === 'rejected') leadership.resign('what was decided is not in the journal')
    if (outcome.kind === 'ok') this.#apply(outcome.record)
    for (const [index, { command, answer }] of batch.entries()) {
      this.#underWay.delete(command.id)
      answer(
        outcome.kind === 'ok' ? { kind: 'ok', outcome: facts[index]?.outcome ?? 'refused' } : { kind: outcome.kind },
      )
    }
  }

  #apply(record: JournalRecord): void {
    this.#checks.committed(this.name, record)
    this.projection.apply(record)
  }

  #now(): number {
    return this.#world.now + this.#clockOffset
  }

  #after(life: number, ms: number, call: () => void): () => void {
    return this.#world.after(ms, () => {
      if (life !== this.#life) return
      const pause = this.#pausedUntil - this.#world.now
      if (pause > 0) this.#after(life, pause, call)
      else call()
    })
  }
}
