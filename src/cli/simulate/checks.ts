import type { JournalRecord } from '../../platform/journal/record.ts'
import { type SimBatch, type SimCommand, type SimFact, SimLedger } from './sim-ledger.ts'
import type { Projection } from './sim-node.ts'

/** What a client was told of one command. */
export type Told = {
  readonly command: SimCommand
  /** When it was first asked for. */
  readonly askedAt: number
  /** Null: it still does not know. */
  outcome: SimFact['outcome'] | 'rejected' | null
  toldAt: number
}

/** Looks on while a journal runs, and at what it comes to; what must not be is noted as a violation. */
export class Checks {
  readonly violations: string[] = []
  readonly told: Told[] = []
  leaderships = 0
  /** What leaders said is committed. */
  readonly #committed = new Map<number, string>()

  leadership(): void {
    this.leaderships++
  }

  committed(by: string, { seq, hash }: JournalRecord): void {
    const known = this.#committed.get(seq)
    if (known === undefined) this.#committed.set(seq, hash)
    else if (known !== hash) this.fail(`5: record ${seq} was committed as another, says ${by}`)
  }

  fail(what: string): void {
    this.violations.push(what)
  }

  get acknowledged(): number {
    return this.told.filter(({ outcome }) => outcome === 'done' || outcome === 'refused').length
  }

  /** Compares all that was said with the log as it is in the end. */
  conclude(logs: readonly (readonly JournalRecord[])[], projections: readonly Projection[]): void {
    const [log = []] = logs
    const isSame = ({ hash }: JournalRecord, index: number): boolean => hash === log[index]?.hash
    if (!logs.every((other) => other.length === log.length && other.every(isSame))) this.fail('5: two stores differ')
    for (const [seq, hash] of this.#committed) {
      if (log[seq - 1]?.hash !== hash) this.fail(`5: record ${seq} was committed and is not in the log`)
    }
    const places = this.#replay(log)
    this.#compareAnswers(places)
    this.#compareOrder(places)
    for (const { applied } of projections) {
      const strange = applied.find(({ seq, hash }) => log[seq - 1]?.hash !== hash)
      if (strange !== undefined) this.fail(`5: record ${strange.seq} was applied and is not in the log`)
    }
  }

  /** Decides all again, one record after the other. @returns where each command stands, with its outcome */
  #replay(
    log: readonly JournalRecord[],
  ): Map<string, { readonly place: number; readonly outcome: SimFact['outcome'] }> {
    const ledger = new SimLedger()
    const places = new Map<string, { place: number; outcome: SimFact['outcome'] }>()
    for (const { seq, body } of log.filter(({ kind }) => kind === 'batch')) {
      const { at, facts } = JSON.parse(body) as SimBatch
      if (at < ledger.at) this.fail(`3: time goes back in record ${seq}`)
      for (const { command, outcome } of facts) {
        if (places.has(command.id)) this.fail(`1: ${command.id} stands twice in the log`)
        if (ledger.decide(command, at).outcome !== outcome)
          this.fail(`1: ${command.id} was not ${outcome} by what was before it`)
        places.set(command.id, { place: places.size, outcome })
      }
      if (!ledger.isSound()) this.fail(`4: money was made, lost or overdrawn in record ${seq}`)
    }
    return places
  }

  #compareAnswers(places: ReadonlyMap<string, { readonly outcome: SimFact['outcome'] }>): void {
    for (const { command, outcome } of this.told) {
      const found = places.get(command.id)
      if (outcome === 'rejected' && found !== undefined) this.fail(`2: ${command.id} was rejected and happened`)
      if (outcome !== 'done' && outcome !== 'refused') continue
      if (found === undefined) this.fail(`1: ${command.id} was acknowledged and is lost`)
      else if (found.outcome !== outcome)
        this.fail(`1: ${command.id} was said to be ${outcome} and is ${found.outcome}`)
    }
  }

  /** What was answered before another was asked for stands before it. */
  #compareOrder(places: ReadonlyMap<string, { readonly place: number }>): void {
    const known = this.told.flatMap((told) => {
      const found = places.get(told.command.id)
      return found === undefined || told.outcome === null ? [] : [{ told, place: found.place }]
    })
    let earliest = Number.POSITIVE_INFINITY
    for (const { told } of known.sort((a, b) => b.place - a.place)) {
      if (earliest < told.askedAt)
        this.fail(`3: ${told.command.id} stands before what was answered before it was asked for`)
      earliest = Math.min(earliest, told.toldAt)
    }
  }
}
