import type { KeyedRequest } from './commands.ts'
import { Layered } from './layered.ts'
import type { Account, Balance, Operation, Transfer } from './model.ts'
import type { StoredAnswer } from './writes.ts'

/** What the commands of one batch touch; nobody but the writer of these shards changes it. */
export type WorkingSet = {
  readonly shards: ReadonlySet<number>
  readonly accounts: ReadonlyMap<string, Account>
  /** Of the accounts in these shards. */
  readonly balances: ReadonlyMap<string, Balance>
  /** Of accounts in other writers' shards, as they were a moment ago. */
  readonly elsewhere: ReadonlyMap<string, Balance>
  readonly transfers: ReadonlyMap<string, Transfer>
  readonly operations: ReadonlyMap<string, Operation>
  readonly answers: readonly StoredAnswer[]
  /** Accepted commands that nobody has run yet, by operation. */
  readonly waiting: ReadonlySet<string>
  /** The crossings that have reached their payees. */
  readonly arrived: ReadonlySet<string>
  /** How many credit lines the accounts have had whose line is set. */
  readonly creditLines: ReadonlyMap<string, number>
}

/** What a batch has in its hands, over what the batch before had. */
export type Layers = {
  readonly accounts: Layered<Account>
  readonly balances: Layered<Balance>
  readonly transfers: Layered<Transfer>
  readonly operations: Layered<Operation>
  readonly answers: Layered<StoredAnswer>
  readonly waiting: Layered<boolean>
  readonly arrived: Layered<boolean>
  readonly creditLines: Layered<number>
}

export function layersOf(set: WorkingSet, before: Layers | null): Layers {
  const answers = set.answers.map((stored) => [nameOf(stored.request), stored] as const)
  return {
    accounts: new Layered(set.accounts, before?.accounts),
    balances: new Layered(set.balances, before?.balances),
    transfers: new Layered(set.transfers, before?.transfers),
    operations: new Layered(set.operations, before?.operations),
    answers: new Layered(answers, before?.answers),
    waiting: new Layered(all(set.waiting), before?.waiting),
    arrived: new Layered(all(set.arrived), before?.arrived),
    creditLines: new Layered(set.creditLines, before?.creditLines),
  }
}

export function nameOf({ owner, key }: KeyedRequest): string {
  return `${owner.length} ${owner} ${key}` // no two have the same, whatever is in them
}

const all = (keys: ReadonlySet<string>) => [...keys].map((key) => [key, true] as const)
