import { eventually } from '../../support/edge-calls.ts'
import { type Journal, type Ledger, startLedger } from './struck-ledger.ts'

const SERVES_MS_MAX = 60_000

export type Serving = { readonly ledger: Ledger; readonly epoch: number }

/** The processes on one journal: two where they share its stores, else one; whoever has ended is started anew. */
export class Ledgers {
  readonly isShared: boolean
  readonly #journal: Journal
  #present: readonly Ledger[] = []
  #started = 0

  constructor(journal: Journal) {
    this.isShared = journal.isShared
    this.#journal = journal
  }

  /** All of them, whether they serve or not. */
  present(): readonly Ledger[] {
    const alive = this.#present.filter((ledger) => !ledger.hasEnded())
    while (alive.length < (this.isShared ? 2 : 1)) {
      this.#started += 1
      alive.push(startLedger(this.#journal, `process ${this.#started}`))
    }
    this.#present = alive
    return alive
  }

  /** Who leads, or believes to. @throws Error after a minute without */
  async serving(): Promise<Serving> {
    const all = () => this.present().map((ledger) => ledger.name)
    return eventually(`one of ${all()} serves`, async () => (await servingOf(this.present()))[0], SERVES_MS_MAX)
  }

  /** @throws Error where after a minute several believe to lead, or none */
  async oneServes(): Promise<Serving> {
    const one = async () => {
      const [first, ...others] = await servingOf(this.present())
      return others.length === 0 && first
    }
    return eventually('exactly one process serves', one, SERVES_MS_MAX)
  }

  async end(): Promise<void> {
    await Promise.all(this.#present.map((ledger) => ledger.kill()))
  }
}

/** None of them may be stopped. */
export async function servingOf(ledgers: readonly Ledger[]): Promise<readonly Serving[]> {
  const looks = await Promise.all(ledgers.map(async (ledger) => ({ ledger, ...(await ledger.ask({ kind: 'look' })) })))
  return looks.flatMap(({ ledger, epoch }) => (typeof epoch === 'number' ? [{ ledger, epoch }] : []))
}
