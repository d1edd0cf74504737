import { assert } from '../../kernel/assert.ts'
import type { Instant } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import type { Happening } from '../../platform/outbox.ts'
import type { Answered } from './answers.ts'
import type { KeyedRequest, TransferCommand } from './commands.ts'
import { operationHappening } from './happenings.ts'
import {
  type Account,
  type Balance,
  type Entry,
  entryKindOf,
  type MoveKind,
  type MoveRefusal,
  moveBalance,
  type Operation,
  type OperationState,
  type Resolution,
  type Transfer,
} from './model.ts'

export type OpenAccount = { readonly account: Account; readonly balance: Balance }
export type StoredAnswer = { readonly request: KeyedRequest; readonly answer: Answered }
export type NewResolution = Resolution & { readonly hold: string; readonly by: string }
export type NewOperation = Pick<Operation, 'id' | 'member' | 'transfer'> & { readonly request: KeyedRequest }
export type NewState = Pick<Operation, 'version' | 'state' | 'reason'> & { readonly operation: string }

/** What the commands of one batch touch, read under locks. */
export type WorkingSet = {
  readonly accounts: ReadonlyMap<string, OpenAccount>
  readonly transfers: ReadonlyMap<string, Transfer>
  readonly operations: ReadonlyMap<string, Operation>
  readonly answers: readonly StoredAnswer[]
  /** Accepted commands that nobody has run yet, by operation. */
  readonly waiting: ReadonlySet<string>
}

/** What the batch adds to the store, each in the order it was decided. */
export type Writes = {
  readonly transfers: Transfer[]
  readonly entries: Entry[]
  readonly resolutions: NewResolution[]
  readonly reversals: { readonly original: string; readonly transfer: string }[]
  readonly operations: NewOperation[]
  readonly states: NewState[]
  readonly answers: StoredAnswer[]
  readonly accepted: TransferCommand[]
  readonly done: string[]
}

/** One move of a posting. */
export type Move = { readonly account: string; readonly kind: MoveKind; readonly amount: bigint }

/**
 * The books while a batch is decided: each command sees what the ones before it did. Nothing here touches the store;
 * `writes` and `happenings` are what the batch comes to.
 */
export function createBooks(set: WorkingSet, now: Instant) {
  const balances = new Map([...set.accounts].map(([id, { balance }]) => [id, balance]))
  const transfers = new Map(set.transfers)
  const operations = new Map(set.operations)
  const answers = new Map(set.answers.map((stored) => [nameOf(stored.request), stored]))
  const waiting = new Set(set.waiting)
  const happenings: Happening[] = []
  const writes: Writes = {
    transfers: [],
    entries: [],
    resolutions: [],
    reversals: [],
    operations: [],
    states: [],
    answers: [],
    accepted: [],
    done: [],
  }

  return {
    now,
    writes,
    happenings,
    balances: balances as ReadonlyMap<string, Balance>,
    account: (id: string): Account | undefined => set.accounts.get(id)?.account,
    transfer: (id: string): Transfer | undefined => transfers.get(id),
    answer: (request: KeyedRequest): StoredAnswer | undefined => answers.get(nameOf(request)),
    tell: (happening: Happening): void => void happenings.push(happening),

    /** Makes all the moves, each an entry and a version of its account; or none of them. */
    enter(transfer: string, moves: readonly Move[]): 'entered' | MoveRefusal {
      const after = new Map<string, Balance>()
      const entries: Entry[] = []
      for (const { account, kind, amount } of moves) {
        const before = after.get(account) ?? balances.get(account)
        assert(before !== undefined, `the balance of ${account} was read`)
        const moved = moveBalance(before, kind, amount)
        if ('kind' in moved) return moved
        after.set(account, moved)
        const { version, posted, pending } = moved
        const which = { id: newId('entry', now), account, version, transfer, ...entryKindOf(kind) }
        entries.push({ ...which, amount, posted, pending, recordedAt: now })
      }
      for (const [account, balance] of after) balances.set(account, balance)
      writes.entries.push(...entries)
      return 'entered'
    },

    add(transfer: Transfer): Transfer {
      transfers.set(transfer.id, transfer)
      writes.transfers.push(transfer)
      return transfer
    },

    resolve(transfer: Transfer, resolution: Resolution, by: string): Transfer {
      assert(transfer.resolution === null, 'a hold resolves once')
      const resolved = { ...transfer, resolution }
      transfers.set(transfer.id, resolved)
      writes.resolutions.push({ hold: transfer.id, ...resolution, by })
      return resolved
    },

    reverse(original: Transfer, reversal: Transfer): void {
      assert(original.reversedBy === null, 'a transfer is reversed once')
      transfers.set(original.id, { ...original, reversedBy: reversal.id })
      writes.reversals.push({ original: original.id, transfer: reversal.id })
    },

    /** Begins the operation of a command, or takes it to its next state. */
    setOperation(operation: NewOperation, state: OperationState, reason: string | null): void {
      const before = operations.get(operation.id)
      if (before === undefined) writes.operations.push(operation)
      advance({ ...operation, createdAt: now, version: 0, ...before }, state, reason)
    },

    /** Takes the operation to its next state. */
    setState(id: string, state: OperationState, reason: string | null): void {
      const before = operations.get(id)
      assert(before !== undefined, `the operation ${id} was read`)
      advance(before, state, reason)
    },

    remember(stored: StoredAnswer): void {
      answers.set(nameOf(stored.request), stored)
      writes.answers.push(stored)
    },

    /** Writes a command down, to be run later. */
    accept(command: TransferCommand): void {
      writes.accepted.push(command)
    },

    /** Takes an accepted command off the list; false when somebody has run it. */
    take(operation: string): boolean {
      if (!waiting.delete(operation)) return false
      writes.done.push(operation)
      return true
    },
  }

  function advance(
    before: Pick<Operation, 'id' | 'member' | 'transfer' | 'createdAt' | 'version'>,
    state: OperationState,
    reason: string | null,
  ): void {
    const { id, member, transfer, createdAt } = before
    const version = before.version + 1
    const next = { id, member, transfer, createdAt, version, state, reason, updatedAt: now }
    operations.set(id, next)
    writes.states.push({ operation: id, version, state, reason })
    if (state !== 'running') happenings.push(operationHappening(next))
  }
}

export type Books = ReturnType<typeof createBooks>

function nameOf({ owner, key }: KeyedRequest): string {
  return JSON.stringify([owner, key])
}
