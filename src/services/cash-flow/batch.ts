import type { Instant } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import type { Emit } from '../../platform/outbox.ts'
import { type Answered, answerTo, isKept } from './answers.ts'
import { Books } from './books.ts'
import type { Command } from './commands.ts'
import { decide } from './decide.ts'
import { readBatch, writeBatch } from './store.ts'

/** What became of one command of a batch. */
export type Settled =
  | { readonly kind: 'settled'; readonly answered: Answered; readonly replayed: boolean }
  /** Its key was used with another request. */
  | { readonly kind: 'key_reused' }

/**
 * Runs the commands in their order within one transaction: what they touch is read under locks, all of them are decided in
 * memory, and what they come to is written at once. A foreseen refusal is an answer and disturbs no other command.
 */
export async function runBatch(
  sql: Sql,
  emit: Emit,
  now: Instant,
  commands: readonly Command[],
): Promise<readonly Settled[]> {
  const books = new Books(await readBatch(sql, commands), now)
  const settled = commands.map((command) => settle(books, command))
  await writeBatch(sql, books)
  for (const happening of books.happenings) emit(happening)
  return settled
}

function settle(books: Books, command: Command): Settled {
  const { request } = command
  // A command that was accepted has had the answer of its key.
  if (request === null || (command.kind === 'transfer' && command.run === 'accepted')) {
    return { kind: 'settled', answered: answerTo(decide(books, command)), replayed: false }
  }
  const known = books.answer(request)
  if (known !== undefined) {
    if (known.request.digest !== request.digest) return { kind: 'key_reused' }
    return { kind: 'settled', answered: known.answer, replayed: true }
  }
  const answered = answerTo(decide(books, command))
  if (isKept(answered)) books.remember({ request, answer: answered })
  return { kind: 'settled', answered, replayed: false }
}
