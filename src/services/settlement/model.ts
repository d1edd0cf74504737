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
  /** Which of the member's accounts all of it is paid from; left out: those that money came to. */
  readonly account?: string
}

/** A closed set of lines and what it comes to. It is never changed; only its state moves on, once. */
export type Batch = Closing & {
  readonly id: Id<'settlementBatch'>
  /** When the newest posting that had arrived was made, of any member; null before the first one. */
  readonly through: Instant | null
  readonly lines: number
  /** What the batch before came to below zero, and what the member was not paid of earlier ones in the end. */
  readonly carried: Money
  readonly gross: { readonly in: Money; readonly out: Money }
  /** What the transfers that went out cost, beside what they moved. */
  readonly fees: Money
  /** What the member is paid, largest first; none when there is nothing to pay. */
  readonly payouts: readonly Payout[]
  /**
   * `closed` may last for ever (nothing to pay); `paid`: the bank says so; `settled`: a statement does; `refused`: nothing was
   * paid, and the money is on the account; `returned`: it is there again. Of several payouts: what all of them have come to that
   * were not refused.
   */
  readonly state: 'closed' | 'paid' | 'refused' | 'settled' | 'returned'
  readonly version: number
  readonly closedAt: Instant
}

/** What of a batch is paid from one account, and how far it has come; null: which account is not known. */
export type Payout = {
  readonly id: Id<'payout'>
  readonly account: string | null
  readonly amount: Money
  readonly state: PayoutState
  /** Why it was refused; else empty. */
  readonly reason: string
}

/** From `pending`, not yet off its account, and `booked`, off it and in no file; those that end in -ing wait for the ledger. */
export const PAYOUT_STATES = [
  ...(['pending', 'booked', 'sent', 'paid'] as const),
  ...(['confirming', 'settled', 'rejecting', 'refused', 'returning', 'returned'] as const),
] as const
export type PayoutState = (typeof PAYOUT_STATES)[number]

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

/**
 * What the lines of a batch brought to one account, less what they took; null: which account is not known. What is `carried` of
 * earlier batches stays by itself, so that an account which does not hold that still pays what came since.
 */
export type Came = { readonly account: string | null; readonly minor: bigint; readonly carried: boolean }

/**
 * How much of the net is paid from which account: from the one that most came to first, what is carried last, and from none more
 * than came to it, so that each holds its share unless it was spent since. The shares add up to `net`, which is above zero.
 */
export function sharesOf(net: bigint, came: readonly Came[]): readonly Came[] {
  const shares: Came[] = []
  let left = net
  for (const { account, minor, carried } of came.filter((one) => one.minor > 0n).sort(mostFirst)) {
    if (left === 0n) break
    const share = minor < left ? minor : left
    shares.push({ account, minor: share, carried })
    left -= share
  }
  assert(left === 0n, 'a batch comes to no more than what came to its accounts')
  return shares
}

/** All of it from one account. */
export function sharesOfOne(net: bigint, account: string, came: readonly Came[]): readonly Came[] {
  const sum = (carried: boolean) =>
    came.reduce((total, one) => (one.carried === carried ? total + one.minor : total), 0n)
  return sharesOf(
    net,
    [false, true].map((carried) => ({ account, carried, minor: sum(carried) })),
  )
}

/** What is carried comes last, and before it what is on no known account. */
function mostFirst(a: Came, b: Came): number {
  if (a.carried !== b.carried) return a.carried ? 1 : -1
  if (a.account === null || b.account === null) return a.account === null ? 1 : -1
  if (a.minor !== b.minor) return a.minor > b.minor ? -1 : 1
  if (a.account === b.account) return 0
  return a.account < b.account ? -1 : 1
}

const UNDER_WAY: readonly PayoutState[] = ['pending', 'booked', 'sent', 'rejecting']
const PAID: readonly PayoutState[] = ['paid', 'confirming']

/** The state of a batch with payouts in these states. */
export function batchStateOf(payouts: readonly PayoutState[]): Batch['state'] {
  if (payouts.length === 0 || payouts.some((state) => UNDER_WAY.includes(state))) return 'closed'
  const taken = payouts.filter((state) => state !== 'refused')
  if (taken.length === 0) return 'refused'
  if (taken.some((state) => PAID.includes(state))) return 'paid'
  return taken.every((state) => state === 'returned') ? 'returned' : 'settled'
}
