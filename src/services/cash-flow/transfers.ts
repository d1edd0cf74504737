import { assert } from '../../kernel/assert.ts'
import type { Instant } from '../../kernel/clock.ts'
import type { Books } from './books.ts'
import {
  type CrossingLeg,
  type KeyedRequest,
  type Leg,
  type OnItsWay,
  type Outcome,
  owns,
  type PartTerms,
  type Refusal,
  type TransferCommand,
} from './commands.ts'
import { cross, postingsAcross } from './crossings.ts'
import { refusalCode } from './errors.ts'
import { feeMoves, reservedFor } from './fees.ts'
import { endsIn, postedHappening, reservedHappening } from './happenings.ts'
import { type Account, type Fee, type Hold, type Transfer, UNTOUCHED } from './model.ts'
import { limitAgainst, spend } from './spending.ts'

/** How long money stays reserved where nobody says how long. */
const HOLD_MS_DEFAULT = 72 * 3_600_000

/** A transfer has an operation, which ends with it: one that is refused has failed, and stays so. */
export function decideTransfer(books: Books, command: TransferCommand): Outcome {
  const payers = partsOf(command).map(({ from }) => books.account(from))
  const member = payers[0]?.member ?? null
  if (member === null || payers.some((payer) => !isPayable(payer, command))) return { kind: 'not_found' }
  const { operation: id, transfer, request } = command
  const operation = { id, transfer, request, member }
  const underWay = books.transfer(transfer) // what has its answer did not come here
  if (command.run !== 'accept' && command.terms === 'unknown' && underWay === undefined)
    return { kind: 'terms_unknown' }
  if (command.run === 'accepted' && !books.take(command.operation)) return { kind: 'done_before' }
  if (underWay !== undefined) return goOn(books, underWay, command)
  if (command.run === 'accept') {
    books.setOperation(operation, 'running', null)
    books.accept(command)
    return { kind: 'accepted', operation: id }
  }
  const outcome = transferMoney(books, command, member)
  if (outcome.kind === 'crossing') {
    if (command.run !== 'accepted') books.setOperation(operation, 'running', null) // one that was accepted runs already
  } else if (outcome.kind !== 'transferred') books.setOperation(operation, 'failed', refusalCode(outcome))
  else if (outcome.transfer.request !== null) books.tellOperation(operation, 'succeeded')
  else books.setOperation(operation, outcome.transfer.hold === null ? 'succeeded' : 'held', null)
  return outcome
}

/** What is to move: the legs, or where there are none the transfer itself. */
function partsOf({ transfer, from, to, amount, legs }: TransferCommand): readonly Leg[] {
  return legs.length === 0 ? [{ id: transfer, from, to, amount }] : legs
}

function isPayable(payer: Account | undefined, { by }: TransferCommand): boolean {
  return payer !== undefined && payer.member !== null && owns(by, payer.member)
}

/** Asked for before, and left on its way to another shard: whoever asks again takes it to its end. */
function goOn(books: Books, underWay: Transfer, command: TransferCommand): Outcome {
  const { id, from, to, amount, reference, crossing, effectiveAt } = underWay
  const made = books.partsOf(underWay)
  const asked = partsOf(command)
  const isSame =
    reference === command.reference &&
    made.length === asked.length &&
    asked.every((part, index) => isAs(part, made[index]))
  if (!isSame || crossing === null) return { kind: 'in_progress' }
  const legs = made.map((part): CrossingLeg => {
    return { transfer: part.id, from: part.from, to: part.to, amount: part.amount, effectiveAt: part.effectiveAt }
  })
  const onItsWay = { transfer: id, from, to, amount, effectiveAt, legs, request: command.request }
  return { kind: 'crossing', crossing: onItsWay, begun: false }
}

function isAs(asked: Leg, made: Transfer | undefined): boolean {
  if (made === undefined || asked.from !== made.from || asked.to !== made.to) return false
  return asked.amount.minor === made.amount.minor && asked.amount.currency === made.amount.currency
}

/** A part with the accounts at its ends, what it costs, and what else the payer's product says of it. */
type Part = Leg & {
  readonly payer: Account
  readonly payee: Account
  readonly fee: Fee | null
  readonly terms: PartTerms | null
}

function termsOf({ terms }: TransferCommand, part: string): PartTerms | null {
  assert(terms !== 'unknown', 'what is moved has its terms')
  return terms.get(part) ?? null
}

/** Whether each payer's product lets it pay so much: what all parts take of one account counts together. */
function againstTerms(books: Books, parts: readonly Part[]): Refusal | null {
  const taken = new Map<string, bigint>()
  for (const { payer, amount, terms } of parts) {
    if (terms === null) continue
    const { judgedBy: by, limits, status, unmet } = terms
    if (status !== 'active') return { kind: 'not_active', account: payer, status }
    if (unmet !== null) return { kind: 'terms_not_met', account: payer, by, term: unmet }
    const minor = (taken.get(payer.id) ?? 0n) + amount.minor
    taken.set(payer.id, minor)
    const limit = limitAgainst(books, payer.id, minor, limits)
    if (limit !== null) return { kind: 'limit_exceeded', account: payer, by, limit }
  }
  return null
}

type Transferred = Extract<Outcome, { readonly kind: 'transferred' }> | OnItsWay

/** All of it or nothing: the accounts of one member pay, which are in one shard, so one batch posts or reserves every part. */
function transferMoney(books: Books, command: TransferCommand, member: string): Transferred | Refusal {
  const found: Part[] = []
  for (const [index, part] of partsOf(command).entries()) {
    const parties = partiesOf(books, part, command.legs.length === 0 ? '' : `legs/${index}/`)
    if ('kind' in parties) return parties
    if (parties.payer.member !== member) return { kind: 'several_payers' }
    const terms = termsOf(command, part.id)
    found.push({ ...part, ...parties, fee: terms?.fee ?? null, terms })
  }
  const hold = holdOf(command, books.now)
  if (hold === 'held_and_pending') return { kind: 'held_and_pending' }
  if (hold === null && !found.every(({ payee, amount }) => books.hasRoom(payee, amount.minor))) {
    return { kind: 'balance_too_large' }
  }
  const against = againstTerms(books, found)
  if (against !== null) return against
  const posts = hold === null && found.every(({ payee }) => books.holds(payee))
  const entered = books.enterAll(
    found.map(({ id, payer, payee, amount: { minor }, fee }) => {
      if (!posts)
        return { transfer: id, moves: [{ account: payer.id, kind: 'reserve', amount: reservedFor(minor, fee) }] }
      return { transfer: id, moves: [...postingsAcross(payer, payee, minor), ...feeMoves(payer, { fee }, 'debit')] }
    }),
  )
  if (entered !== 'entered') return entered
  const transfer = keep(books, command, found, hold, posts ? answeredBy(command) : null)
  const legs = books.partsOf(transfer)
  for (const part of legs) spend(books, part)
  // One that was accepted has had the answer of its key.
  if (hold === null && !posts) {
    return cross(books, transfer, transfer.amount.minor, command.run === 'accepted' ? null : command.request)
  }
  if (hold === null) for (const leg of legs) books.tell(postedHappening(leg, endsIn(books, leg)))
  else books.tell(reservedHappening(transfer, legs, endsIn(books, transfer)))
  return { kind: 'transferred', transfer, legs }
}

/** The accounts at both ends of a part, in one currency; `at`: where the part stands in the body. */
function partiesOf(
  books: Books,
  { from, to, amount }: Leg,
  at: string,
): { readonly payer: Account; readonly payee: Account } | Refusal {
  const [payer, payee] = [books.account(from), books.account(to)]
  if (payer === undefined) return { kind: 'not_found' }
  if (payee === undefined || payee.kind === 'clearing') return { kind: 'unknown_account', field: `${at}to` }
  if (from === to) return { kind: 'same_account' }
  if (amount.currency !== payer.currency || payee.currency !== payer.currency) return { kind: 'currency_mismatch' }
  return { payer, payee }
}

/** Writes the transfer down, and each of its legs. */
function keep(
  books: Books,
  command: TransferCommand,
  parts: readonly Part[],
  hold: Hold | null,
  answers: KeyedRequest | null,
): Transfer {
  const { transfer: id, from, to, amount, operation, reference, assessment, receipt, by, legs } = command
  const what = { kind: 'transfer', reference, assessment, receipt, maker: by.id, hold, createdAt: books.now } as const
  const ids = legs.map((leg) => leg.id)
  const own = legs.length === 0 ? priceOf(parts[0]) : {}
  const whole = { ...UNTOUCHED, ...what, id, from, to, amount, ...own, operation, legs: ids, request: answers }
  const transfer = books.add(whole)
  for (const [index, leg] of legs.entries()) {
    books.add({ ...UNTOUCHED, ...what, ...leg, ...priceOf(parts[index]), partOf: id })
  }
  return transfer
}

function priceOf(part: Part | undefined): Pick<Transfer, 'fee' | 'judgedBy'> {
  return { fee: part?.fee ?? null, judgedBy: part?.terms?.judgedBy ?? null }
}

/**
 * The request whose answer follows from its transfer, where that is posted at once: its owner is the transfer's maker, and a
 * member, whose transfers are all decided in one shard. An operator's key may be used in two shards at once, for two requests:
 * then what is kept of each has to meet the other's, or both are answered.
 */
function answeredBy({ run, request, by, legs }: TransferCommand): KeyedRequest | null {
  const isFromHome = by.kind === 'member' && request.owner === by.id
  return run === 'now' && isFromHome && legs.length === 0 ? request : null
}

/** An approval captures what risk control held; it would take from the members the pending transfer they asked for. */
function holdOf({ hold, pending }: TransferCommand, now: Instant): Hold | null | 'held_and_pending' {
  if (hold !== null && pending) return 'held_and_pending'
  if (hold === null && !pending) return null
  const expiresAt = (now + (hold?.lastsMs ?? HOLD_MS_DEFAULT)) as Instant
  return { by: hold === null ? 'member' : 'review', expiresAt }
}
