import type { Books } from './books.ts'
import { type ExceededLimit, exceededBy, type Limits, spentWith, spentWithout } from './limits.ts'
import type { Transfer } from './model.ts'

/*
 * What transfers take of an account is counted on its balance, by the shard's writer, in the batch that takes it: so no two can
 * both have the last bit of a limit, and what decides stands in the record. It counts when it is reserved, and is given back when
 * that is released; a reversal is a transfer of the payee's, and gives nothing back.
 */

/** The limit that would be exceeded if transfers took so much more of the account now. */
export function limitAgainst(books: Books, account: string, minor: bigint, limits: Limits): ExceededLimit | null {
  return exceededBy(minor, limits, books.balance(account).spent, books.periods)
}

/** Counts what the transfer takes. */
export function spend(books: Books, { from, amount }: Pick<Transfer, 'from' | 'amount'>): void {
  books.setSpent(from, spentWith(amount.minor, books.balance(from).spent, books.periods, books.now))
}

/** Gives back so much of what the transfer took. */
export function giveBack(books: Books, { from, createdAt }: Pick<Transfer, 'from' | 'createdAt'>, minor: bigint): void {
  books.setSpent(from, spentWithout(minor, books.balance(from).spent, createdAt))
}
