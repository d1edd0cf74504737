import { unreachable } from '../../kernel/assert.ts'
import type { Instant } from '../../kernel/clock.ts'
import type { Currency } from '../../kernel/money.ts'
import type { Books } from './books.ts'
import type {
  Actor,
  CaptureCommand,
  Command,
  DepositCommand,
  Outcome,
  Refusal,
  ReverseCommand,
  TransferCommand,
  VoidCommand,
} from './commands.ts'
import { refusalCode } from './errors.ts'
import { depositHappening, type Ends, postedHappening, reservedHappening, voidedHappening } from './happenings.ts'
import { captureOf, type Hold, movedAmountOf, type Resolution, stateOf, type Transfer } from './model.ts'

/** How long money stays reserved where nobody says how long. */
const HOLD_MS_DEFAULT = 72 * 3_600_000

/** Decides one command on the books and enters what it comes to. A refusal enters no money. */
export function decide(books: Books, command: Command): Outcome {
  switch (command.kind) {
    case 'transfer':
      return decideTransfer(books, command)
    case 'deposit':
      return deposit(books, command)
    case 'capture':
      return capture(books, command)
    case 'void':
      return release(books, command)
    case 'reverse':
      return reverse(books, command)
    default:
      return unreachable(command)
  }
}

/** The account through which money of a currency comes from the outside. */
export function clearingAccountOf(currency: Currency): string {
  return `acc_external_${currency.toLowerCase()}`
}

/** A transfer has an operation, which ends with it: one that is refused has failed, and stays so. */
function decideTransfer(books: Books, command: TransferCommand): Outcome {
  const from = books.account(command.from)
  if (from === undefined || from.member === null || !owns(command.by, from.member)) return { kind: 'not_found' }
  if (command.run === 'accepted' && !books.take(command.operation)) return { kind: 'done_before' }
  const { operation: id, transfer, request } = command
  const operation = { id, transfer, request, member: from.member }
  if (command.run === 'accept') {
    books.setOperation(operation, 'running', null)
    books.accept(command)
    return { kind: 'accepted', operation: id }
  }
  const outcome = transferMoney(books, command, from.currency)
  if (outcome.kind !== 'transferred') books.setOperation(operation, 'failed', refusalCode(outcome))
  else books.setOperation(operation, outcome.transfer.hold === null ? 'succeeded' : 'held', null)
  return outcome
}

function transferMoney(
  books: Books,
  command: TransferCommand,
  currency: Currency,
): { readonly kind: 'transferred'; readonly transfer: Transfer } | Refusal {
  const { from, to, amount, by } = command
  const payee = books.account(to)
  if (payee === undefined || payee.kind === 'clearing') return { kind: 'unknown_account', field: 'to' }
  if (from === to) return { kind: 'same_account' }
  if (amount.currency !== currency || payee.currency !== currency) return { kind: 'currency_mismatch' }
  const hold = holdOf(command, books.now)
  if (hold === 'held_and_pending') return { kind: 'held_and_pending' }
  const entered = books.enter(
    command.transfer,
    hold === null ? postings(from, to, amount.minor) : [{ account: from, kind: 'reserve', amount: amount.minor }],
  )
  if (entered !== 'entered') return entered
  const transfer = books.add({
    ...UNTOUCHED,
    id: command.transfer,
    kind: 'transfer',
    from,
    to,
    amount,
    reference: command.reference,
    maker: by.id,
    operation: command.operation,
    assessment: command.assessment,
    receipt: command.receipt,
    hold,
    createdAt: books.now,
  })
  const tell = hold === null ? postedHappening : reservedHappening
  books.tell(tell(transfer, endsOf(books, transfer)))
  return { kind: 'transferred', transfer }
}

/** An approval captures what risk control held; it would take from the members the pending transfer they asked for. */
function holdOf({ hold, pending }: TransferCommand, now: Instant): Hold | null | 'held_and_pending' {
  if (hold !== null && pending) return 'held_and_pending'
  if (hold === null && !pending) return null
  const expiresAt = (now + (hold?.lastsMs ?? HOLD_MS_DEFAULT)) as Instant
  return { by: hold === null ? 'member' : 'review', expiresAt }
}

function deposit(books: Books, command: DepositCommand): Outcome {
  const { deposit: id, account: to, amount, reference, receipt } = command
  const account = books.account(to)
  if (account === undefined || account.kind === 'clearing') return { kind: 'unknown_account', field: 'account' }
  if (account.currency !== amount.currency) return { kind: 'currency_mismatch' }
  const from = clearingAccountOf(amount.currency)
  const entered = books.enter(id, postings(from, to, amount.minor))
  if (entered !== 'entered') return entered
  const what = { id, kind: 'deposit', from, to, amount, reference, maker: command.by.id, receipt } as const
  const transfer = books.add({ ...UNTOUCHED, ...what, createdAt: books.now })
  books.tell(depositHappening(transfer, account.member))
  return { kind: 'deposited', transfer }
}

function capture(books: Books, command: CaptureCommand): Outcome {
  const transfer = books.transfer(command.transfer)
  if (transfer === undefined || !sees(books, command.by, transfer)) return { kind: 'not_found' }
  const byReview = command.by.kind === 'review'
  if (byReview && transfer.hold?.by !== 'review') return { kind: 'not_open', transfer }
  if (stateOf(transfer) === 'held' && !byReview) return { kind: 'under_review', transfer }
  const taken = captureOf(transfer, command.amount, books.now)
  if (taken.kind === 'not_open' || taken.kind === 'expired') return { kind: taken.kind, transfer }
  if (taken.kind !== 'capture') return taken
  const { captured, released } = taken
  const entered = books.enter(transfer.id, [
    { account: transfer.from, kind: 'capture', amount: captured },
    ...(released > 0n ? [{ account: transfer.from, kind: 'release', amount: released } as const] : []),
    { account: transfer.to, kind: 'credit', amount: captured },
  ])
  if (entered !== 'entered') return entered
  return resolved(books, transfer, { outcome: 'captured', captured }, command.by)
}

function release(books: Books, command: VoidCommand): Outcome {
  const transfer = books.transfer(command.transfer)
  if (transfer === undefined || !sees(books, command.by, transfer)) return { kind: 'not_found' }
  const { hold, resolution, from, amount } = transfer
  if (hold === null || resolution !== null) return { kind: 'not_open', transfer }
  if (hold.by === 'member' && command.by.kind === 'review') return { kind: 'not_open', transfer }
  if (hold.by === 'review' && command.by.kind === 'member') return { kind: 'under_review', transfer }
  const entered = books.enter(transfer.id, [{ account: from, kind: 'release', amount: amount.minor }])
  if (entered !== 'entered') return entered
  return resolved(books, transfer, { outcome: voidOutcomeOf(command.by), captured: 0n }, command.by)
}

function voidOutcomeOf({ kind }: Actor): Resolution['outcome'] {
  return kind === 'review' ? 'declined' : kind === 'timer' ? 'expired' : 'voided'
}

function resolved(books: Books, transfer: Transfer, resolution: Resolution, by: Actor): Outcome {
  const after = books.resolve(transfer, resolution, by.id)
  const captured = resolution.outcome === 'captured'
  books.tell((captured ? postedHappening : voidedHappening)(after, endsOf(books, after)))
  if (after.operation !== null) {
    books.setState(after.operation, captured ? 'succeeded' : 'failed', captured ? null : resolution.outcome)
  }
  return { kind: 'resolved', transfer: after }
}

function reverse(books: Books, command: ReverseCommand): Outcome {
  const original = books.transfer(command.transfer)
  if (original === undefined || !sees(books, command.by, original)) return { kind: 'not_found' }
  const { fromMember, toMember } = endsOf(books, original)
  const payer = command.by.kind === 'member' && command.by.id === fromMember && fromMember !== toMember
  const reversible = original.kind === 'transfer' && stateOf(original) === 'posted' && original.reversedBy === null
  if (payer || !reversible) return { kind: 'not_reversible', transfer: original }
  const amount = movedAmountOf(original)
  const { reversal: id, receipt, by } = command
  const ends = { from: original.to, to: original.from }
  const entered = books.enter(id, postings(ends.from, ends.to, amount.minor))
  if (entered !== 'entered') return entered
  const what = { id, kind: 'reversal', ...ends, amount, maker: by.id, receipt, reverses: original.id } as const
  const transfer = books.add({ ...UNTOUCHED, ...what, reference: original.reference, createdAt: books.now })
  books.reverse(original, transfer)
  books.tell(postedHappening(transfer, endsOf(books, transfer)))
  return { kind: 'reversed', transfer }
}

const UNTOUCHED = {
  operation: null,
  assessment: null,
  hold: null,
  resolution: null,
  reverses: null,
  reversedBy: null,
} as const

/** The two balanced entries of money that moves at once. */
function postings(from: string, to: string, amount: bigint) {
  return [
    { account: from, kind: 'debit', amount },
    { account: to, kind: 'credit', amount },
  ] as const
}

function endsOf(books: Books, { from, to }: Transfer): Ends {
  return { fromMember: books.account(from)?.member ?? null, toMember: books.account(to)?.member ?? null }
}

/** Whether the actor acts for this member: the member does, and whoever is not a member. */
export function owns(actor: Actor, member: string): boolean {
  return actor.kind !== 'member' || actor.id === member
}

function sees(books: Books, actor: Actor, transfer: Transfer): boolean {
  return actor.kind !== 'member' || isVisible(transfer, endsOf(books, transfer), actor.id)
}

/** Whether a member may know of the transfer: the payer always; the payee not of what risk control held and never came. */
export function isVisible(transfer: Transfer, { fromMember, toMember }: Ends, member: string): boolean {
  if (member === fromMember) return true
  return member === toMember && (transfer.hold?.by !== 'review' || stateOf(transfer) === 'posted')
}
