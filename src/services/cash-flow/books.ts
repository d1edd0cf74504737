import { assert } from '../../kernel/assert.ts'
import type { Instant } from '../../kernel/clock.ts'
import type { Happening } from '../../platform/outbox.ts'
import type { TraceContext } from '../../platform/trace-context.ts'
import type { Periods } from './calendar.ts'
import { type Command, type Crossing, homeOf, type TransferCommand } from './commands.ts'
import { entriesOf, type TransferMoves } from './entering.ts'
import { operationHappening } from './happenings.ts'
import { type Layers, layersOf, type WorkingSet } from './layers.ts'
import type { Spent } from './limits.ts'
import {
  type Account,
  type Balance,
  type CreditLine,
  type Exchange,
  type MoveRefusal,
  moveBalance,
  type Operation,
  type OperationState,
  type Resolution,
  type Transfer,
  type WithdrawalEnd,
} from './model.ts'
import { isFilled, type NewOperation, nothingWritten, type StoredAnswer, type Writes } from './writes.ts'

export type OpenAccount = { readonly account: Account; readonly balance: Balance }

/**
 * The books while a batch is decided: each command sees what the ones before it did. Nothing here touches the store;
 * `writes` and `happenings` are what the batch comes to.
 */
export class Books {
  readonly now: Instant
  /** The day and the month of now. */
  readonly periods: Periods
  readonly happenings: Happening[] = []
  /** Of the command that is decided now: what is told came of it. */
  trace: TraceContext | undefined
  /** By shard: what a command comes to is written in its own, but for the entries, which are where their accounts are. */
  readonly writes = new Map<number, Writes>()
  readonly #shards: ReadonlySet<number>
  readonly #elsewhere: ReadonlyMap<string, Balance>
  #home: Writes
  readonly #layers: Layers

  /** `before`: the batch that is on its way to the store; what it comes to is taken for kept. */
  constructor(set: WorkingSet, now: Instant, periods: Periods, before: Books | null) {
    this.now = now
    this.periods = periods
    this.#shards = set.shards
    this.#elsewhere = set.elsewhere
    this.#home = this.#writesIn(Math.min(...set.shards))
    this.#layers = layersOf(set, before === null ? null : before.#layers)
  }

  /** Turns to the command's shard; false where another writer decides, as far as what it names is there. */
  turnTo(command: Command): boolean {
    const about =
      'transfer' in command && command.kind !== 'transfer' ? this.#layers.transfers.get(command.transfer) : undefined
    const home = this.#layers.accounts.get(homeOf(command, about) ?? '')
    if (home === undefined) return true
    if (!this.holds(home)) return false
    this.#home = this.#writesIn(home.shard)
    return true
  }

  /** Whether money that comes to the account or goes from it is in this batch's hands. */
  holds({ shard }: Account): boolean {
    return this.#shards.has(shard)
  }

  /** Whether there is room for so much; in an account of another writer's, as it was a moment ago. */
  hasRoom({ id }: Account, amount: bigint): boolean {
    const balance = this.#elsewhere.get(id)
    return balance === undefined || !('kind' in moveBalance(balance, 'credit', amount))
  }

  account(id: string): Account | undefined {
    return this.#layers.accounts.get(id)
  }

  transfer(id: string): Transfer | undefined {
    return this.#layers.transfers.get(id)
  }

  /** The legs of a transfer; itself, where it has none. */
  partsOf(transfer: Transfer): readonly Transfer[] {
    if (transfer.legs.length === 0) return [transfer]
    return transfer.legs.map((id) => {
      const leg = this.#layers.transfers.get(id)
      assert(leg !== undefined, `the leg ${id} was read with ${transfer.id}`)
      return leg
    })
  }

  /** The answer to the request of that name (see `nameOf`). */
  answer(name: string): StoredAnswer | undefined {
    return this.#layers.answers.get(name)
  }

  balance(account: string): Balance {
    const balance = this.#layers.balances.get(account)
    assert(balance !== undefined, `the balance of ${account} was read`)
    return balance
  }

  /** All balances that the batch has read or changed, as they are after it. */
  balances(): Iterable<readonly [account: string, Balance]> {
    return this.#layers.balances.entries()
  }

  /** Whether the batch has come to anything that is to be kept. */
  hasWritten(): boolean {
    return this.happenings.length > 0 || [...this.writes.values()].some(isFilled)
  }

  /** The accounts that the batch has moved money in or given a credit line, with their balances after it. */
  changed(writes: Iterable<Writes>): ReadonlyMap<string, Balance> {
    const accounts = [...writes].flatMap(({ entries, creditLines }) => [...entries, ...creditLines])
    return new Map(accounts.map(({ account }) => [account, this.balance(account)]))
  }

  tell(happening: Happening): void {
    this.happenings.push(this.trace === undefined ? happening : { ...happening, trace: this.trace })
  }

  /**
   * Makes all the moves, each an entry and a version of its account; or none of them. What is posted may count as moved at
   * an earlier time; what is reserved never does.
   */
  enter(transfer: string, moves: TransferMoves['moves'], effectiveAt: Instant | null = null): 'entered' | MoveRefusal {
    return this.enterAll([{ transfer, moves }], effectiveAt)
  }

  /** Makes all the moves of several transfers, or none of them. */
  enterAll(all: readonly TransferMoves[], effectiveAt: Instant | null = null): 'entered' | MoveRefusal {
    const entered = entriesOf(this, all, effectiveAt)
    if ('kind' in entered) return entered
    const { after, entries } = entered
    for (const [account, balance] of after) this.#layers.balances.set(account, balance)
    for (const entry of entries) this.#writesIn(entry.shard).entries.push(entry)
    return 'entered'
  }

  /** What transfers have taken of an account is this from here on; kept with the entry that changes it. */
  setSpent(account: string, spent: Spent | null): void {
    this.#layers.balances.set(account, { ...this.balance(account), spent })
  }

  /** The account may go so far below zero from here on. */
  setCreditLine(set: Omit<CreditLine, 'version' | 'afterVersion' | 'at'>): CreditLine {
    const { account, amount } = set
    const balance = this.balance(account)
    const version = (this.#layers.creditLines.get(account) ?? 0) + 1
    const line = { ...set, version, afterVersion: balance.version, at: this.now }
    this.#layers.creditLines.set(account, version)
    this.#layers.balances.set(account, { ...balance, overdraft: amount.minor })
    this.#home.creditLines.push(line)
    return line
  }

  add(transfer: Transfer): Transfer {
    this.#layers.transfers.set(transfer.id, transfer)
    this.#home.transfers.push(transfer)
    return transfer
  }

  resolve(transfer: Transfer, resolution: Resolution, by: string): Transfer {
    assert(transfer.resolution === null, 'a hold resolves once')
    const resolved = { ...transfer, resolution }
    this.#layers.transfers.set(transfer.id, resolved)
    for (const id of transfer.legs) {
      this.#change(id, ({ amount }) => {
        return { resolution: { ...resolution, captured: resolution.captured === 0n ? 0n : amount.minor } }
      })
    }
    this.#home.resolutions.push({ hold: transfer.id, ...resolution, by })
    return resolved
  }

  reverse(original: Transfer, reversal: Transfer): void {
    assert(original.reversedBy === null, 'a transfer is reversed once')
    this.#layers.transfers.set(original.id, { ...original, reversedBy: reversal.id })
    this.#home.reversals.push({ original: original.id, transfer: reversal.id })
  }

  /** The bank has confirmed or returned a withdrawal. */
  end(withdrawal: Transfer, end: WithdrawalEnd): Transfer {
    assert(withdrawal.end === null, 'a withdrawal ends once')
    const ended = { ...withdrawal, end }
    this.#layers.transfers.set(withdrawal.id, ended)
    this.#home.withdrawalEnds.push({ withdrawal: withdrawal.id, ...end })
    return ended
  }

  addExchange(exchange: Exchange): void {
    this.#home.exchanges.push(exchange)
  }

  /** Begins the operation of a command, or takes the one that was begun when it was accepted to its next state. */
  setOperation(operation: NewOperation, state: OperationState, reason: string | null): void {
    const { id, member, transfer } = operation
    const before = this.#layers.operations.get(id)
    if (before === undefined) this.#home.operations.push(operation)
    this.#advance(before ?? { id, member, transfer, createdAt: this.now, version: 0 }, state, reason)
  }

  /** Tells of an operation that ended as it began: it is not kept, since it follows from its transfer. */
  tellOperation({ id, member, transfer }: NewOperation, state: OperationState): void {
    const at = this.now
    this.tell(
      operationHappening({ id, member, transfer, createdAt: at, version: 1, state, reason: null, updatedAt: at }),
    )
  }

  /** Takes the operation to its next state. */
  setState(id: string, state: OperationState, reason: string | null): void {
    const before = this.#layers.operations.get(id)
    assert(before !== undefined, `the operation ${id} was read`)
    this.#advance(before, state, reason)
  }

  /** What is reserved for a transfer is on its way to another shard. */
  cross(crossing: Crossing): void {
    const transfer = this.#layers.transfers.get(crossing.transfer)
    assert(transfer !== undefined && transfer.crossing === null, 'a transfer crosses once')
    this.#layers.transfers.set(transfer.id, { ...transfer, crossing: crossing.amount.minor })
    for (const id of transfer.legs) this.#change(id, ({ amount }) => ({ crossing: amount.minor }))
    this.#home.crossings.push(crossing)
  }

  hasArrived(transfer: string): boolean {
    return this.#layers.arrived.get(transfer) === true
  }

  /** Takes a crossing in. */
  arrive(transfer: string): void {
    this.#layers.arrived.set(transfer, true)
    this.#home.arrivals.push(transfer)
  }

  completeCrossing(transfer: Transfer): Transfer {
    const completed = { ...transfer, crossing: null }
    this.#layers.transfers.set(transfer.id, completed)
    for (const id of transfer.legs) this.#change(id, () => ({ crossing: null }))
    this.#home.completed.push(transfer.id)
    return completed
  }

  /** Keeps the answer to the request of that name; one that follows from its transfer is kept with that. */
  remember(name: string, stored: StoredAnswer, follows: boolean): void {
    this.#layers.answers.set(name, stored)
    if (!follows) this.#home.answers.push(stored)
  }

  /** Writes a command down, to be run later. */
  accept(command: TransferCommand): void {
    this.#layers.waiting.set(command.operation, true)
    this.#home.accepted.push(command)
  }

  /** A review's decision on the transfer is off the list. */
  closeDecision(transfer: string): void {
    this.#home.decided.push(transfer)
  }

  /** Takes an accepted command off the list; false when somebody has run it. */
  take(operation: string): boolean {
    if (!this.#layers.waiting.get(operation)) return false
    this.#layers.waiting.set(operation, false)
    this.#home.done.push(operation)
    return true
  }

  /** What happens to the whole happens to its legs. */
  #change(id: string, to: (transfer: Transfer) => Partial<Transfer>): void {
    const transfer = this.#layers.transfers.get(id)
    assert(transfer !== undefined, `the leg ${id} was read`)
    this.#layers.transfers.set(id, { ...transfer, ...to(transfer) })
  }

  #writesIn(shard: number): Writes {
    const known = this.writes.get(shard)
    if (known !== undefined) return known
    const writes = nothingWritten()
    this.writes.set(shard, writes)
    return writes
  }

  #advance(
    { id, member, transfer, createdAt, version }: Omit<Operation, 'state' | 'reason' | 'updatedAt'>,
    state: OperationState,
    reason: string | null,
  ): void {
    const next = { id, member, transfer, createdAt, version: version + 1, state, reason, updatedAt: this.now }
    this.#layers.operations.set(id, next)
    this.#home.states.push({ operation: id, version: next.version, state, reason })
    if (state !== 'running') this.tell(operationHappening(next))
  }
}
