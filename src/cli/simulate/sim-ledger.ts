/** What clients ask for. A hold is captured, voided or expired by its own id; all money is in minor units. */
export type SimCommand =
  | ({ readonly id: string; readonly kind: 'transfer' } & SimMove)
  | ({ readonly id: string; readonly kind: 'hold' } & SimMove)
  | { readonly id: string; readonly kind: 'capture' | 'void' | 'expire'; readonly hold: string }

type SimMove = { readonly from: number; readonly to: number; readonly amount: number }

/** A command with what was decided on it, as it stands in the journal. */
export type SimFact = { readonly command: SimCommand; readonly outcome: 'done' | 'refused' }

/** What one record holds. */
export type SimBatch = { readonly at: number; readonly facts: readonly SimFact[] }

type Hold = SimMove & { readonly expiresAt: number; isOpen: boolean }
type Account = { posted: number; pending: number }

const FUNDS = 100
export const ACCOUNTS = 4
const HOLD_MS = 400

/** Accounts, holds and answers: what follows from the batches of a journal, and nothing else. */
export class SimLedger {
  readonly accounts: Account[]
  readonly #holds: Map<string, Hold>
  readonly answers: Map<string, SimFact['outcome']>
  /** Of the newest batch: time never goes back in a journal, whatever a clock does. */
  at: number

  constructor(from?: SimLedger) {
    this.accounts = from?.accounts.map((account) => ({ ...account })) ?? []
    if (from === undefined) for (let n = 0; n < ACCOUNTS; n++) this.accounts.push({ posted: FUNDS, pending: 0 })
    this.#holds = new Map([...(from === undefined ? [] : from.#holds)].map(([id, hold]) => [id, { ...hold }]))
    this.answers = new Map(from?.answers)
    this.at = from?.at ?? 0
  }

  /** Decides on the command and carries it out. */
  decide(command: SimCommand, at: number): SimFact {
    const outcome = this.#allows(command, at) ? 'done' : 'refused'
    const fact: SimFact = { command, outcome }
    this.apply(fact, at)
    return fact
  }

  apply({ command, outcome }: SimFact, at: number): void {
    this.at = at
    this.answers.set(command.id, outcome)
    if (outcome === 'refused') return
    if (command.kind === 'transfer') this.#move(command.from, command.to, command.amount)
    else if (command.kind === 'hold') {
      const { from, to, amount } = command
      this.#account(from).pending += amount
      this.#holds.set(command.id, { from, to, amount, expiresAt: at + HOLD_MS, isOpen: true })
    } else {
      const hold = this.#holds.get(command.hold)
      if (hold === undefined) return
      hold.isOpen = false
      this.#account(hold.from).pending -= hold.amount
      if (command.kind === 'capture') this.#move(hold.from, hold.to, hold.amount)
    }
  }

  /** Open holds that are over by then. */
  expired(at: number): readonly string[] {
    return [...this.#holds].flatMap(([id, { isOpen, expiresAt }]) => (isOpen && expiresAt <= at ? [id] : []))
  }

  /** What must hold after every batch: nothing is made or lost, and nobody has less than nothing. */
  isSound(): boolean {
    const sum = this.accounts.reduce((total, { posted }) => total + posted, 0)
    return (
      sum === FUNDS * ACCOUNTS && this.accounts.every(({ posted, pending }) => pending >= 0 && posted - pending >= 0)
    )
  }

  #allows(command: SimCommand, at: number): boolean {
    if (command.kind === 'transfer' || command.kind === 'hold') {
      const { posted, pending } = this.#account(command.from)
      return posted - pending >= command.amount
    }
    const hold = this.#holds.get(command.hold)
    if (hold === undefined || !hold.isOpen) return false
    return command.kind === 'expire' ? hold.expiresAt <= at : command.kind === 'void' || hold.expiresAt > at
  }

  #move(from: number, to: number, amount: number): void {
    this.#account(from).posted -= amount
    this.#account(to).posted += amount
  }

  #account(index: number): Account {
    return this.accounts[index] as Account
  }
}
