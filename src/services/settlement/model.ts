import { assert } from '../../kernel/assert.ts'
import type { Instant } from '../../kernel/clock.ts'
import type { Id } from '../../kernel/id.ts'
import { type Currency, type Money, money, parseMoney } from '../../kernel/money.ts'
import type { PostedTransfer } from './schema.ts'

/** What a posted transfer gave one member (`in`) or took from one (`out`); the amount is above zero. */
export type Line = {
  readonly member: string
  readonly direction: 'in' | 'out'
  readonly amount: Money
  /** What the transfer cost the one who paid it; null: nothing, and of the payee's side. */
  readonly fee: Money | null
  readonly transfer: string
  readonly kind: string
  readonly account: string | null
  /** The member at the other end; null: no member's account. */
  readonly counterparty: string | null
}

/** Which lines a batch closes: all of the member's in the currency up to the cut-off that no batch has yet. */
export type Closing = {
  readonly member: string
  readonly currency: Currency
  readonly cutOff: Instant
  /** Which of the member's accounts is paid from; left out: the one that money came to last. */
  readonly account?: string
}

/** A closed set of lines and what it comes to. It is never changed; only its state moves on, once. */
export type Batch = Closing & {
  readonly id: Id<'settlementBatch'>
  /** When the newest posting that had arrived was made, of any member; null before the first one. */
  readonly through: Instant | null
  readonly lines: number
  /** What the batch before came to below zero, so that it is not paid out again; else nothing. */
  readonly carried: Money
  readonly gross: { readonly in: Money; readonly out: Money }
  /** What the transfers that went out cost, beside what they moved. */
  readonly fees: Money
  /** What the member is paid, when there is something to pay. */
  readonly payout: Id<'payout'> | null
  /**
   * `closed` may last for ever (nothing to pay); `paid`: the bank says so; `settled`: a statement does; `refused`: nothing was
   * paid, and the money is on the account; `returned`: it is there again.
   */
  readonly state: 'closed' | 'paid' | 'refused' | 'settled' | 'returned'
  readonly version: number
  readonly closedAt: Instant
}

/** The two sides of a posted transfer; a side that belongs to no member has no line. */
export function linesOf(posted: PostedTransfer): readonly Line[] {
  const amount = parseMoney(posted.amount)
  assert(typeof amount !== 'string' && amount.minor > 0n, `the amount of ${posted.transfer} is money above zero`)
  const fee = posted.fee === undefined ? null : parseMoney(posted.fee)
  assert(typeof fee !== 'string' && fee?.minor !== 0n, `the fee of ${posted.transfer} is money above zero, or none`)
  const { transfer, kind, fromMember, toMember } = posted
  const sides = [
    { member: fromMember, direction: 'out', fee, account: posted.from, counterparty: toMember },
    { member: toMember, direction: 'in', fee: null, account: posted.to, counterparty: fromMember },
  ] as const
  return sides.flatMap(({ member, ...side }) => (member === null ? [] : [{ member, amount, transfer, kind, ...side }]))
}

export type CutOffVerdict =
  | { readonly kind: 'acceptable' }
  /** Open breaks of the currency come to more than what may be open. */
  | { readonly kind: 'held_up'; readonly open: Money; readonly most: Money }
  | { readonly kind: 'in_the_future' }
  /** Time up to `last` is closed already. */
  | { readonly kind: 'not_after_last'; readonly last: Instant }

/** Batches of one member's currency follow each other in time, and none closes what may still happen. */
export function judgeCutOff(cutOff: Instant, now: Instant, last: Instant | null): CutOffVerdict {
  if (cutOff > now) return { kind: 'in_the_future' }
  if (last !== null && cutOff <= last) return { kind: 'not_after_last', last }
  return { kind: 'acceptable' }
}

/** What came in less what went out, fees and what was carried; above zero it is paid to the member, below it is carried on. */
export function netOf({
  carried,
  gross,
  fees,
  currency,
}: Pick<Batch, 'carried' | 'gross' | 'fees' | 'currency'>): Money {
  return money(currency, carried.minor + gross.in.minor - gross.out.minor - fees.minor)
}
