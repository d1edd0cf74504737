import { assert } from '../../kernel/assert.ts'
import { money } from '../../kernel/money.ts'
import type { Books } from './books.ts'
import type {
  ArriveCommand,
  CompleteCommand,
  Crossing,
  CrossingLeg,
  KeyedRequest,
  OnItsWay,
  Outcome,
} from './commands.ts'
import { feeMoves } from './fees.ts'
import { endsIn, postedHappening } from './happenings.ts'
import type { Account, Transfer } from './model.ts'
import type { Move } from './moves.ts'
import { betweenAccountOf } from './shards.ts'

/*
 * A transfer across shards. Where one writer holds both, it is posted at once: see `between`. Where it does not: reserved with
 * the payer; then credited to the payee, out of what lies between the shards; then posted with the payer, into what lies between.
 * Each step is one batch and is had once by key, so that whoever comes after a crash goes on. Once it is reserved nothing can
 * refuse it, and at no moment can both ends spend it.
 */

/** What keeps debits and credits equal in each shard when money goes from one to another in one batch; nothing within a shard. */
export function between(payer: Account, payee: Account, amount: bigint): readonly Move[] {
  if (payer.shard === payee.shard) return []
  return [
    { account: betweenAccountOf(payer.currency, payer.shard), kind: 'credit', amount },
    { account: betweenAccountOf(payee.currency, payee.shard), kind: 'debit', amount },
  ]
}

/** The balanced entries of money that moves at once, within a shard or from one to another of the same writer. */
export function postingsAcross(payer: Account, payee: Account, amount: bigint): readonly Move[] {
  return [
    { account: payer.id, kind: 'debit', amount },
    ...between(payer, payee, amount),
    { account: payee.id, kind: 'credit', amount },
  ]
}

/** Sends what is reserved on its way: so much of a transfer, or all of one with legs. */
export function cross(books: Books, transfer: Transfer, minor: bigint, request: KeyedRequest | null): OnItsWay {
  const { id, from, to, effectiveAt } = transfer
  const amount = money(transfer.amount.currency, minor)
  const legs = books.partsOf(transfer).map((part): CrossingLeg => {
    const own = { transfer: part.id, from: part.from, to: part.to, effectiveAt: part.effectiveAt }
    return { ...own, amount: transfer.legs.length === 0 ? amount : part.amount }
  })
  const crossing: Crossing = { transfer: id, from, to, amount, effectiveAt, legs, request }
  books.cross(crossing)
  return { kind: 'crossing', crossing, begun: true }
}

/** The second step, for each part that goes to another shard: the payee has it. */
export function arrive(books: Books, { leg }: ArriveCommand): Outcome {
  const { transfer, from, to, amount, effectiveAt } = leg
  const [payer, payee] = [books.account(from), books.account(to)]
  assert(payer !== undefined && payee !== undefined, `the account ${to} was there when the money was reserved`)
  if (payer.shard === payee.shard) return { kind: 'arrived' }
  if (books.hasArrived(transfer)) return { kind: 'done_before' }
  const moves: readonly Move[] = [
    { account: betweenAccountOf(amount.currency, payee.shard), kind: 'debit', amount: amount.minor },
    { account: to, kind: 'credit', amount: amount.minor },
  ]
  const entered = books.enter(transfer, moves, effectiveAt)
  if (entered !== 'entered') return entered // no room: it waits where it is
  books.arrive(transfer)
  return { kind: 'arrived' }
}

/** The third step: the payer has it no longer, and the request has its answer. */
export function complete(books: Books, { crossing }: CompleteCommand): Outcome {
  const under = books.transfer(crossing.transfer)
  assert(under !== undefined, `${crossing.transfer} was read`)
  if (under.crossing === null) return outcomeOf(books, under)
  const entered = books.enterAll(
    crossing.legs.map(({ transfer, from, to, amount: { minor, currency } }) => {
      const [payer, payee, part] = [books.account(from), books.account(to), books.transfer(transfer)]
      assert(payer !== undefined && payee !== undefined && part !== undefined, `${transfer} was read with its ends`)
      const across = payer.shard === payee.shard ? to : betweenAccountOf(currency, payer.shard)
      return {
        transfer,
        moves: [
          { account: from, kind: 'capture', amount: minor },
          { account: across, kind: 'credit', amount: minor },
          ...feeMoves(payer, part, 'capture'),
        ],
      }
    }),
    under.effectiveAt,
  )
  assert(entered === 'entered', 'what was reserved can be posted')
  const transfer = books.completeCrossing(under)
  for (const part of books.partsOf(transfer)) books.tell(postedHappening(part, endsIn(books, part)))
  if (transfer.operation !== null) books.setState(transfer.operation, 'succeeded', null)
  return outcomeOf(books, transfer)
}

function outcomeOf(books: Books, transfer: Transfer): Outcome {
  if (transfer.kind === 'reversal') return { kind: 'reversed', transfer }
  const legs = books.partsOf(transfer)
  return { kind: transfer.hold === null ? 'transferred' : 'resolved', transfer, legs }
}
