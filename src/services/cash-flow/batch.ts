import { type Answered, answerTo, isKept } from './answers.ts'
import type { Books } from './books.ts'
import type { Command, OnItsWay } from './commands.ts'
import { decide } from './decide.ts'
import { nameOf } from './layers.ts'

/** What became of one command of a batch. */
export type Settled =
  | { readonly kind: 'settled'; readonly answered: Answered; readonly replayed: boolean }
  /** Its key was used with another request. */
  | { readonly kind: 'key_reused' }
  /** Its answer comes when the money has arrived in the other shard. */
  | OnItsWay

/** Decides one command on the books, or answers as its key was answered before. */
export function settle(books: Books, command: Command): Settled {
  const { request } = command
  books.trace = command.trace
  // A command that was accepted has had the answer of its key.
  const key = command.kind === 'transfer' && command.run === 'accepted' ? null : request
  const name = key === null ? null : nameOf(key)
  const known = name === null ? undefined : books.answer(name)
  if (known !== undefined && !isOnItsWay(books, command)) {
    if (known.request.digest !== key?.digest) return { kind: 'key_reused' }
    return { kind: 'settled', answered: known.answer, replayed: true }
  }
  const outcome = decide(books, command)
  if (outcome.kind === 'crossing') return outcome
  const answered = answerTo(outcome)
  if (key !== null && name !== null && known === undefined && isKept(answered)) {
    const follows = outcome.kind === 'transferred' && outcome.transfer.request !== null
    books.remember(name, { request: key, answer: answered }, follows)
  }
  return { kind: 'settled', answered, replayed: false }
}

/** Money that left one end is posted whatever its key was used for meanwhile. */
function isOnItsWay(books: Books, command: Command): boolean {
  return command.kind === 'complete' && (books.transfer(command.crossing.transfer)?.crossing ?? null) !== null
}
