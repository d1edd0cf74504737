import type { Json } from '../../kernel/canonical-json.ts'
import { toRfc3339 } from '../../kernel/clock.ts'
import { toWire } from '../../kernel/money.ts'
import { inOnePiece } from '../../kernel/one-piece.ts'
import type { Happening } from '../../platform/outbox.ts'
import {
  type Account,
  type CreditLine,
  type Exchange,
  type JudgedBy,
  movedAmountOf,
  type Operation,
  type Transfer,
} from './model.ts'

/** The members at both ends; null for a clearing account. */
export type Ends = { readonly fromMember: string | null; readonly toMember: string | null }

/** Who the members at both ends of a transfer are. */
export function endsIn(
  books: { account(id: string): Account | undefined },
  { from, to }: Pick<Transfer, 'from' | 'to'>,
): Ends {
  return { fromMember: books.account(from)?.member ?? null, toMember: books.account(to)?.member ?? null }
}

export function operationHappening({ id, state, transfer, member, reason }: Operation): Happening {
  const made = reason === null || isHoldOutcome(reason)
  const data = { operation: id, state, ...(made ? { transfer } : {}), ...(reason === null ? {} : { reason }) }
  return { type: inOnePiece(`operation.${state}`), subject: id, members: [member], data }
}

/** What became of a hold, as against the refusal of a transfer that was never made. */
export function isHoldOutcome(reason: string): boolean {
  return reason === 'declined' || reason === 'expired' || reason === 'voided'
}

/** Money was reserved: `transfer.held` until a review decides, `transfer.pending` until a member does. */
export function reservedHappening(transfer: Transfer, legs: readonly Transfer[], ends: Ends): Happening {
  const { hold } = transfer
  const data = {
    ...partsOf(transfer),
    ...(transfer.legs.length === 0 ? {} : { legs: legs.map(legOf) }),
    amount: toWire(transfer.amount),
    ...feeIn(transfer),
    ...judgedIn(legs.length === 0 ? [transfer] : legs),
    maker: transfer.maker,
    assessment: transfer.assessment,
    receipt: transfer.receipt,
    expiresAt: hold === null ? null : toRfc3339(hold.expiresAt),
  }
  // The payee of a transfer under review learns nothing of it: it may never come.
  return hold?.by === 'review'
    ? about(transfer, 'transfer.held', [ends.fromMember], data)
    : about(transfer, 'transfer.pending', [ends.fromMember, ends.toMember], data)
}

export function postedHappening(transfer: Transfer, ends: Ends): Happening {
  const kind = transfer.kind === 'reversal' ? 'reversal' : transfer.hold === null ? 'transfer' : 'capture'
  const { fromMember, toMember } = ends
  const amount = toWire(movedAmountOf(transfer))
  const reverses = transfer.reverses === null ? {} : { reverses: transfer.reverses }
  const data = {
    ...partsOf(transfer),
    fromMember,
    toMember,
    amount,
    ...feeIn(transfer),
    kind,
    ...reverses,
    ...effectiveIn(transfer),
  }
  return about(transfer, 'transfer.posted', [fromMember, toMember], data)
}

export function voidedHappening(transfer: Transfer, ends: Ends): Happening {
  const concerned = transfer.hold?.by === 'review' ? [ends.fromMember] : [ends.fromMember, ends.toMember]
  const data = { ...partsOf(transfer), amount: toWire(transfer.amount), reason: transfer.resolution?.outcome ?? null }
  return about(transfer, 'transfer.voided', concerned, data)
}

export function depositHappening(deposit: Transfer, member: string | null): Happening {
  const { id, to, amount, reference } = deposit
  const data = { deposit: id, account: to, amount: toWire(amount), reference, ...effectiveIn(deposit) }
  return { type: 'deposit.posted', subject: id, members: member === null ? [] : [member], data }
}

/** `withdrawal.pending`, then `.confirmed` or `.returned`. */
export function withdrawalHappening(withdrawal: Transfer, member: string | null): Happening {
  const { id, from, amount, reference, end } = withdrawal
  const data = { withdrawal: id, account: from, amount: toWire(amount), reference }
  const members = member === null ? [] : [member]
  return { type: `withdrawal.${end?.outcome ?? 'pending'}`, subject: id, members, data }
}

export function exchangeHappening(exchange: Exchange, member: string): Happening {
  const { id, from, to, paid, received, rate, reference } = exchange
  const data = { exchange: id, from, to, paid: toWire(paid), received: toWire(received), rate, reference }
  return { type: 'exchange.posted', subject: id, members: [member], data }
}

export function creditLineHappening({ account, amount, version }: CreditLine, member: string | null): Happening {
  const data = { account, creditLine: toWire(amount), version }
  return { type: 'credit_line.set', subject: account, members: member === null ? [] : [member], data }
}

/** Of what counts as moved at an earlier time. */
function effectiveIn({ effectiveAt }: Transfer): { readonly effectiveAt?: string } {
  return effectiveAt === null ? {} : { effectiveAt: toRfc3339(effectiveAt) }
}

function partsOf({ id, operation, from, to, reference, partOf }: Transfer) {
  return { transfer: id, operation, from, to, reference, ...(partOf === null ? {} : { partOf }) }
}

/** The versions of products by which it was judged. */
function judgedIn(parts: readonly Transfer[]): { readonly judgedBy?: readonly JudgedBy[] } {
  const versions = new Map(parts.flatMap(({ judgedBy }) => (judgedBy === null ? [] : [[judgedBy.product, judgedBy]])))
  return versions.size === 0 ? {} : { judgedBy: [...versions.values()] }
}

function legOf(leg: Transfer) {
  const { id, from, to, amount } = leg
  return { transfer: id, from, to, amount: toWire(amount), ...feeIn(leg) }
}

/** What the payer pays beside the amount. */
function feeIn({ fee }: Transfer) {
  return fee === null ? {} : { fee: toWire(fee.amount) }
}

function about(transfer: Transfer, type: string, concerned: readonly (string | null)[], data: Json): Happening {
  const members = [...new Set(concerned.filter((member) => member !== null))]
  return { type, subject: transfer.id, members, data }
}
