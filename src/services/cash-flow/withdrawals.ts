import { SERVICE_NAMES } from '../../platform/database.ts'
import type { Books } from './books.ts'
import type { EndWithdrawalCommand, Outcome, WithdrawCommand } from './commands.ts'
import { endsIn, withdrawalHappening } from './happenings.ts'
import { UNTOUCHED } from './model.ts'
import { postings } from './moves.ts'
import { externalAccountOf, transitAccountOf } from './shards.ts'

/*
 * Money that goes outside leaves its account at once, so that nobody spends it again, and lies in transit until the bank has
 * paid it: then it goes outside. What the bank gives back comes back to the account. Each is a transfer of its own, and what
 * lies in transit adds up to nothing when nothing is under way.
 */

export function withdraw(books: Books, command: WithdrawCommand): Outcome {
  const { withdrawal: id, member, account: from, amount, reference, receipt, by } = command
  const account = books.account(from)
  if (account === undefined || account.kind === 'clearing') return { kind: 'unknown_account', field: 'account' }
  if (member !== null && account.member !== member) return { kind: 'of_another_member' }
  if (account.currency !== amount.currency) return { kind: 'currency_mismatch' }
  const to = transitAccountOf(amount.currency, account.shard)
  const entered = books.enter(id, postings(from, to, amount.minor))
  if (entered !== 'entered') return entered
  const what = { id, kind: 'withdrawal', from, to, amount, reference, maker: by.id, receipt } as const
  const withdrawal = books.add({ ...UNTOUCHED, ...what, createdAt: books.now })
  books.tell(withdrawalHappening(withdrawal, account.member))
  return { kind: 'withdrawn', withdrawal }
}

/** The bank has paid it, or has given it back. */
export function endWithdrawal(books: Books, command: EndWithdrawalCommand): Outcome {
  const withdrawal = books.transfer(command.transfer)
  if (withdrawal?.kind !== 'withdrawal') return { kind: 'not_found' }
  if (withdrawal.end !== null) return { kind: 'ended', withdrawal }
  if (command.by.kind === 'operator' && isService(withdrawal.maker)) return { kind: 'of_service', withdrawal }
  const { end: id, outcome, reference, receipt, by } = command
  const { amount, from: account, to: from } = withdrawal
  const shard = books.account(account)?.shard ?? 0
  const returned = outcome === 'returned'
  const to = returned ? account : externalAccountOf(amount.currency, shard)
  const entered = books.enter(id, postings(from, to, amount.minor))
  if (entered !== 'entered') return entered
  const kind = returned ? 'return' : 'confirmation'
  const reverses = returned ? withdrawal.id : null
  const what = { id, kind, from, to, amount, reference, maker: by.id, receipt, reverses } as const
  books.add({ ...UNTOUCHED, ...what, createdAt: books.now })
  const ended = books.end(withdrawal, { outcome, transfer: id })
  books.tell(withdrawalHappening(ended, endsIn(books, ended).fromMember))
  return { kind: 'withdrawal_ended', withdrawal: ended }
}

function isService(maker: string): boolean {
  return SERVICE_NAMES.some((name) => name === maker)
}
