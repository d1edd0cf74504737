import type { Books } from './books.ts'
import type { CreditLineCommand, Outcome } from './commands.ts'
import { creditLineHappening } from './happenings.ts'

/**
 * Sets how far below zero an account may go. One that is lower than what is used takes effect at once, and takes nothing
 * back: no debit passes until credits have brought the account above it. What is reserved can still be captured.
 */
export function setCreditLine(books: Books, command: CreditLineCommand): Outcome {
  const { account: id, amount, reason, by } = command
  const account = books.account(id)
  if (account === undefined || account.kind === 'clearing') return { kind: 'not_found' }
  if (account.currency !== amount.currency) return { kind: 'currency_mismatch' }
  const line = books.setCreditLine({ account: id, amount, reason, setBy: by.id })
  books.tell(creditLineHappening(line, account.member))
  return { kind: 'credit_line_set', line }
}
