import { assert, unreachable } from '../../kernel/assert.ts'
import type { Books } from './books.ts'
import type {
  Actor,
  CaptureCommand,
  Command,
  DepositCommand,
  Outcome,
  ReverseCommand,
  VoidCommand,
} from './commands.ts'
import { setCreditLine } from './credit-lines.ts'
import { arrive, between, complete, cross, postingsAcross } from './crossings.ts'
import { effectiveOf } from './effective.ts'
import { exchange } from './exchanges.ts'
import { feeMoves, reservedFor } from './fees.ts'
import { depositHappening, type Ends, endsIn, postedHappening, voidedHappening } from './happenings.ts'
import { captureOf, movedAmountOf, type Resolution, stateOf, type Transfer, UNTOUCHED } from './model.ts'
import { type Move, postings } from './moves.ts'
import { externalAccountOf } from './shards.ts'
import { giveBack } from './spending.ts'
import { decideTransfer } from './transfers.ts'
import { endWithdrawal, withdraw } from './withdrawals.ts'

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
  if (isLeg(transfer)) return { kind: 'is_leg', transfer }
  const byReview = command.by.kind === 'review'
  if (byReview && transfer.hold?.by !== 'review') return { kind: 'not_open', transfer }
  if (stateOf(transfer) === 'held' && !byReview) return { kind: 'under_review', transfer }
  if (isUnderWay(books, transfer.id)) return { kind: 'in_progress' }
  const taken = captureOf(transfer, command.amount, books.now)
  if (taken.kind === 'not_open' || taken.kind === 'expired') return { kind: taken.kind, transfer }
  if (taken.kind !== 'capture') return taken
  const { captured, released } = taken
  const parts = books.partsOf(transfer).map((part) => ({ ...partiesOf(books, part), ...part }))
  const crosses = parts.some(({ payee }) => !books.holds(payee))
  // Legs are captured as a whole.
  const due = (part: Transfer): bigint => (transfer.legs.length === 0 ? captured : part.amount.minor)
  if (!parts.every((part) => books.hasRoom(part.payee, due(part)))) return { kind: 'balance_too_large' }
  const entered = books.enterAll(
    parts.map((part) => {
      const { id, from, to, payer, payee } = part
      const minor = due(part)
      const moves: Move[] = released > 0n ? [{ account: from, kind: 'release', amount: released }] : []
      if (!crosses) {
        moves.push({ account: from, kind: 'capture', amount: minor }, ...between(payer, payee, minor))
        moves.push({ account: to, kind: 'credit', amount: minor }, ...feeMoves(payer, part, 'capture'))
      }
      return { transfer: id, moves }
    }),
  )
  if (entered !== 'entered') return entered
  if (released > 0n) giveBack(books, transfer, released)
  const resolution = { outcome: 'captured', captured } as const
  if (!crosses) return resolved(books, transfer, resolution, command.by)
  return cross(books, books.resolve(transfer, resolution, command.by.id), captured, command.request)
}

function release(books: Books, command: VoidCommand): Outcome {
  const transfer = books.transfer(command.transfer)
  if (transfer === undefined || !sees(books, command.by, transfer)) return { kind: 'not_found' }
  if (isLeg(transfer)) return { kind: 'is_leg', transfer }
  const { hold, resolution } = transfer
  if (hold === null || resolution !== null) return { kind: 'not_open', transfer }
  if (hold.by === 'member' && command.by.kind === 'review') return { kind: 'not_open', transfer }
  if (hold.by === 'review' && command.by.kind === 'member') return { kind: 'under_review', transfer }
  const parts = books.partsOf(transfer)
  const entered = books.enterAll(
    parts.map(({ id, from, amount, fee }) => {
      return { transfer: id, moves: [{ account: from, kind: 'release', amount: reservedFor(amount.minor, fee) }] }
    }),
  )
  if (entered !== 'entered') return entered
  for (const part of parts) giveBack(books, part, part.amount.minor)
  return resolved(books, transfer, { outcome: voidOutcomeOf(command.by), captured: 0n }, command.by)
}

/** Its hold is resolved with the whole that it is a leg of. */
function isLeg({ kind, partOf }: Transfer): boolean {
  return kind === 'transfer' && partOf !== null
}

function voidOutcomeOf({ kind }: Actor): Resolution['outcome'] {
  return kind === 'review' ? 'declined' : kind === 'timer' ? 'expired' : 'voided'
}

function resolved(books: Books, transfer: Transfer, resolution: Resolution, by: Actor): Outcome {
  const after = books.resolve(transfer, resolution, by.id)
  const captured = resolution.outcome === 'captured'
  const legs = books.partsOf(after)
  if (captured) for (const leg of legs) books.tell(postedHappening(leg, endsIn(books, leg)))
  else books.tell(voidedHappening(after, endsIn(books, after)))
  if (after.operation !== null) {
    books.setState(after.operation, captured ? 'succeeded' : 'failed', captured ? null : resolution.outcome)
  }
  return { kind: 'resolved', transfer: after, legs }
}

function reverse(books: Books, command: ReverseCommand): Outcome {
  const original = books.transfer(command.transfer)
  if (original === undefined || !sees(books, command.by, original)) return { kind: 'not_found' }
  if (original.legs.length > 0) return { kind: 'has_legs', transfer: original }
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
  if (!books.hasRoom(taker, amount.minor)) return { kind: 'balance_too_large' }
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
  if (transfer.legs.length > 0) return false // a payee knows of its own leg
  return member === toMember && (transfer.hold?.by !== 'review' || stateOf(transfer) === 'posted')
}
