import { assert, unreachable } from '../../kernel/assert.ts'
import type { Instant } from '../../kernel/clock.ts'
import { type Books, postings } from './books.ts'
import {
  type Actor,
  type CaptureCommand,
  type Command,
  type DepositCommand,
  type KeyedRequest,
  type OnItsWay,
  type Outcome,
  owns,
  type Refusal,
  type ReverseCommand,
  type TransferCommand,
  type VoidCommand,
} from './commands.ts'
import { setCreditLine } from './credit-lines.ts'
import { arrive, between, complete, cross, postingsAcross } from './crossings.ts'
import { effectiveOf } from './effective.ts'
import { refusalCode } from './errors.ts'
import { exchange } from './exchanges.ts'
import {
  depositHappening,
  type Ends,
  endsIn,
  postedHappening,
  reservedHappening,
  voidedHappening,
} from './happenings.ts'
import {
  type Account,
  captureOf,
  type Hold,
  movedAmountOf,
  type Resolution,
  stateOf,
  type Transfer,
  UNTOUCHED,
} from './model.ts'
import { externalAccountOf } from './shards.ts'
import { endWithdrawal, withdraw } from './withdrawals.ts'

/** How long money stays reserved where nobody says how long. */
const HOLD_MS_DEFAULT = 72 * 3_600_000

/** Decides one command on the books and enters what it comes to. A refusal enters no money. */
export function decide(books: Books, command: Command): Outcome {
  // What was made after it was looked for is not decided by the shard that decides on nothing.
  if (!books.turnTo(command)) return { kind: 'not_found' }
  if ((command.kind === 'capture' || command.kind === 'void') && command.by.kind === 'review') {
    books.closeDecision(command.transfer) // carried out or refused: it is not looked at again
  }
  switch (command.kind) {
    case 'transfer':
      return decideTransfer(books, command)
    case 'deposit':
      return deposit(books, command)
    case 'withdraw':
      return withdraw(books, command)
    case 'end_withdrawal':
      return endWithdrawal(books, command)
    case 'credit_line':
      return setCreditLine(books, command)
    case 'exchange':
      return exchange(books, command)
    case 'capture':
      return capture(books, command)
    case 'void':
      return release(books, command)
    case 'reverse':
      return reverse(books, command)
    case 'arrive':
      return arrive(books, command)
    case 'complete':
      return complete(books, command)
    default:
      return unreachable(command)
  }
}

/** A transfer has an operation, which ends with it: one that is refused has failed, and stays so. */
function decideTransfer(books: Books, command: TransferCommand): Outcome {
  const from = books.account(command.from)
  if (from === undefined || from.member === null || !owns(command.by, from.member)) return { kind: 'not_found' }
  if (command.run === 'accepted' && !books.take(command.operation)) return { kind: 'done_before' }
  const { operation: id, transfer, request } = command
  const operation = { id, transfer, request, member: from.member }
  const underWay = books.transfer(transfer) // what has its answer did not come here
  if (underWay !== undefined) return goOn(underWay, command)
  if (command.run === 'accept') {
    books.setOperation(operation, 'running', null)
    books.accept(command)
    return { kind: 'accepted', operation: id }
  }
  const outcome = transferMoney(books, command, from)
  if (outcome.kind === 'crossing') {
    if (command.run !== 'accepted') books.setOperation(operation, 'running', null) // one that was accepted runs already
  } else if (outcome.kind !== 'transferred') books.setOperation(operation, 'failed', refusalCode(outcome))
  else if (outcome.transfer.request !== null) books.tellOperation(operation, 'succeeded')
  else books.setOperation(operation, outcome.transfer.hold === null ? 'succeeded' : 'held', null)
  return outcome
}

/** Asked for before, and left on its way to another shard: whoever asks again takes it to its end. */
function goOn({ id, from, to, amount, reference, crossing, effectiveAt }: Transfer, command: TransferCommand): Outcome {
  const isSame =
    from === command.from &&
    to === command.to &&
    reference === command.reference &&
    amount.minor === command.amount.minor &&
    amount.currency === command.amount.currency
  if (!isSame || crossing === null) return { kind: 'in_progress' }
  return { kind: 'crossing', crossing: { transfer: id, from, to, amount, request: command.request, effectiveAt } }
}

type Transferred = { readonly kind: 'transferred'; readonly transfer: Transfer } | OnItsWay

function transferMoney(books: Books, command: TransferCommand, payer: Account): Transferred | Refusal {
  const { from, to, amount, by } = command
  const payee = books.account(to)
  if (payee === undefined || payee.kind === 'clearing') return { kind: 'unknown_account', field: 'to' }
  if (from === to) return { kind: 'same_account' }
  if (amount.currency !== payer.currency || payee.currency !== payer.currency) return { kind: 'currency_mismatch' }
  const hold = holdOf(command, books.now)
  if (hold === 'held_and_pending') return { kind: 'held_and_pending' }
  const posts = hold === null && books.holds(payee)
  const entered = books.enter(
    command.transfer,
    posts ? postingsAcross(payer, payee, amount.minor) : [{ account: from, kind: 'reserve', amount: amount.minor }],
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
    request: posts ? answeredBy(command) : null,
    createdAt: books.now,
  })
  // One that was accepted has had the answer of its key.
  if (hold === null && !posts)
    return cross(books, transfer, amount.minor, command.run === 'accepted' ? null : command.request)
  const tell = hold === null ? postedHappening : reservedHappening
  books.tell(tell(transfer, endsIn(books, transfer)))
  return { kind: 'transferred', transfer }
}

/** The request whose answer follows from its transfer, where that is posted at once: its owner is the transfer's maker. */
function answeredBy({ run, request, by }: TransferCommand): KeyedRequest | null {
  return run === 'now' && request.owner === by.id ? request : null
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
  const effectiveAt = effectiveOf(books, command.effectiveAt, command.by, [account])
  if (effectiveAt !== null && typeof effectiveAt === 'object') return effectiveAt
  const from = externalAccountOf(amount.currency, account.shard)
  const entered = books.enter(id, postings(from, to, amount.minor), effectiveAt)
  if (entered !== 'entered') return entered
  const what = { id, kind: 'deposit', from, to, amount, reference, maker: command.by.id, receipt } as const
  const transfer = books.add({ ...UNTOUCHED, ...what, createdAt: books.now, effectiveAt })
  books.tell(depositHappening(transfer, account.member))
  return { kind: 'deposited', transfer }
}

function capture(books: Books, command: CaptureCommand): Outcome {
  const transfer = books.transfer(command.transfer)
  if (transfer === undefined || !sees(books, command.by, transfer)) return { kind: 'not_found' }
  const byReview = command.by.kind === 'review'
  if (byReview && transfer.hold?.by !== 'review') return { kind: 'not_open', transfer }
  if (stateOf(transfer) === 'held' && !byReview) return { kind: 'under_review', transfer }
  if (isUnderWay(books, transfer.id)) return { kind: 'in_progress' }
  const taken = captureOf(transfer, command.amount, books.now)
  if (taken.kind === 'not_open' || taken.kind === 'expired') return { kind: taken.kind, transfer }
  if (taken.kind !== 'capture') return taken
  const { captured, released } = taken
  const { payer, payee } = partiesOf(books, transfer)
  const { id: from } = payer
  const crosses = !books.holds(payee)
  const entered = books.enter(transfer.id, [
    ...(released > 0n ? [{ account: from, kind: 'release', amount: released } as const] : []),
    ...(crosses ? [] : [{ account: from, kind: 'capture', amount: captured } as const]),
    ...(crosses ? [] : between(payer, payee, captured)),
    ...(crosses ? [] : [{ account: payee.id, kind: 'credit', amount: captured } as const]),
  ])
  if (entered !== 'entered') return entered
  const resolution = { outcome: 'captured', captured } as const
  if (!crosses) return resolved(books, transfer, resolution, command.by)
  return cross(books, books.resolve(transfer, resolution, command.by.id), captured, command.request)
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
  books.tell((captured ? postedHappening : voidedHappening)(after, endsIn(books, after)))
  if (after.operation !== null) {
    books.setState(after.operation, captured ? 'succeeded' : 'failed', captured ? null : resolution.outcome)
  }
  return { kind: 'resolved', transfer: after }
}

function reverse(books: Books, command: ReverseCommand): Outcome {
  const original = books.transfer(command.transfer)
  if (original === undefined || !sees(books, command.by, original)) return { kind: 'not_found' }
  const { fromMember, toMember } = endsIn(books, original)
  if (isUnderWay(books, original.reversedBy)) return { kind: 'in_progress' }
  const payer = command.by.kind === 'member' && command.by.id === fromMember && fromMember !== toMember
  const reversible = original.kind === 'transfer' && stateOf(original) === 'posted' && original.reversedBy === null
  if (payer || !reversible) return { kind: 'not_reversible', transfer: original }
  const amount = movedAmountOf(original)
  const { reversal: id, receipt, by } = command
  const ends = { from: original.to, to: original.from }
  const { payer: giver, payee: taker } = partiesOf(books, ends)
  const effectiveAt = effectiveOf(books, command.effectiveAt, by, [giver, taker])
  if (effectiveAt !== null && typeof effectiveAt === 'object') return effectiveAt
  const crosses = !books.holds(taker)
  const entered = books.enter(
    id,
    crosses
      ? [{ account: ends.from, kind: 'reserve', amount: amount.minor }]
      : postingsAcross(giver, taker, amount.minor),
    effectiveAt,
  )
  if (entered !== 'entered') return entered
  const what = { id, kind: 'reversal', ...ends, amount, maker: by.id, receipt, reverses: original.id } as const
  const { reference } = original
  const transfer = books.add({ ...UNTOUCHED, ...what, reference, createdAt: books.now, effectiveAt })
  books.reverse(original, transfer)
  if (crosses) return cross(books, transfer, amount.minor, command.request)
  books.tell(postedHappening(transfer, endsIn(books, transfer)))
  return { kind: 'reversed', transfer }
}

/** Whether this transfer is on its way to another shard, and has its answer yet to come. */
function isUnderWay(books: Books, transfer: string | null): boolean {
  return transfer !== null && (books.transfer(transfer)?.crossing ?? null) !== null
}

function partiesOf(books: Books, { from, to }: Pick<Transfer, 'from' | 'to'>) {
  const [payer, payee] = [books.account(from), books.account(to)]
  assert(payer !== undefined && payee !== undefined, 'both ends of a transfer were read with it')
  return { payer, payee }
}

function sees(books: Books, actor: Actor, transfer: Transfer): boolean {
  return actor.kind !== 'member' || isVisible(transfer, endsIn(books, transfer), actor.id)
}

/** Whether a member may know of the transfer: the payer always; the payee not of what risk control held and never came. */
export function isVisible(transfer: Transfer, { fromMember, toMember }: Ends, member: string): boolean {
  if (member === fromMember) return true
  return member === toMember && (transfer.hold?.by !== 'review' || stateOf(transfer) === 'posted')
}
