import { assert } from '../../kernel/assert.ts'
import type { Instant } from '../../kernel/clock.ts'
import { type Currency, type Money, money } from '../../kernel/money.ts'
import type { KeyedRequest } from './commands.ts'
import type { Spent } from './limits.ts'

/** Where money stands. A clearing account is the side of the outside, or of the other shards: nobody's, and without a floor. */
export type Account = {
  readonly id: string
  readonly shard: number
  readonly kind: 'member' | 'clearing'
  readonly member: string | null
  readonly product: string | null
  readonly currency: Currency
  readonly openedAt: Instant
}

/** `pending` is what open holds reserve of `posted`; what can be spent is `posted - pending`, in minor units. */
export type Balance = {
  readonly version: number
  readonly posted: bigint
  readonly pending: bigint
  /** How far below zero the available balance may go; null: without a floor. */
  readonly overdraft: bigint | null
  /** What transfers took of it in this day and month, held as well; null: none was counted. */
  readonly spent: Spent | null
}

/** How far below zero an account may go; each time it is set is a version. `amount` is zero or more. */
export type CreditLine = {
  readonly account: string
  readonly version: number
  readonly amount: Money
  readonly reason: string
  readonly setBy: string
  /** The account's version when it was set: later entries were decided by it. */
  readonly afterVersion: number
  readonly at: Instant
}

export type Entry = {
  /** As it was kept; null: it follows from the account and the version, of which no two entries have the same (docs/adr/0086). */
  readonly id: string | null
  readonly account: string
  readonly shard: number
  readonly version: number
  readonly transfer: string
  readonly phase: 'reserve' | 'post' | 'release'
  readonly direction: 'debit' | 'credit'
  readonly amount: bigint
  readonly posted: bigint
  readonly pending: bigint
  readonly recordedAt: Instant
  /** When it counts as moved; null: when it was recorded. */
  readonly effectiveAt: Instant | null
}

/** Who holds the money back: risk control until its review decides, or the members until one of them does. */
export type Hold = { readonly by: 'review' | 'member'; readonly expiresAt: Instant }

export type Resolution = {
  readonly outcome: 'captured' | 'declined' | 'expired' | 'voided'
  /** Minor units that moved; zero unless captured. */
  readonly captured: bigint
}

/** What a transfer costs the one who pays it, by this version of the product that the paying account is under. */
export type Fee = { readonly amount: Money; readonly product: string; readonly version: number }

/** The version of the paying account's product that a transfer was judged by. */
export type JudgedBy = { readonly product: string; readonly version: number }

/** A withdrawal is in transit until the bank has confirmed or returned it. */
export type WithdrawalEnd = { readonly outcome: 'confirmed' | 'returned'; readonly transfer: string }

export type Transfer = {
  readonly id: string
  readonly kind: 'transfer' | 'deposit' | 'reversal' | 'withdrawal' | 'confirmation' | 'return' | 'exchange'
  readonly from: string
  readonly to: string
  readonly amount: Money
  readonly reference: string
  /** The member or operator who asked for it. */
  readonly maker: string
  readonly operation: string | null
  readonly assessment: string | null
  readonly receipt: string | null
  readonly hold: Hold | null
  readonly resolution: Resolution | null
  /** Minor units on their way to another shard, still reserved in this one. */
  readonly crossing: bigint | null
  /** The transfer that this one takes back. */
  readonly reverses: string | null
  readonly reversedBy: string | null
  /** The exchange that it is a part of, or the transfer whose leg it is. */
  readonly partOf: string | null
  /** The transfers that are its legs; none where it has ends of its own. */
  readonly legs: readonly string[]
  /** Charged beside the amount; null: nothing. Of a transfer with legs each leg has its own. */
  readonly fee: Fee | null
  /** Null: of a whole with legs, of which each has its own, and of what no product is asked about. */
  readonly judgedBy: JudgedBy | null
  /** What became of a withdrawal, and the transfer that made it so. */
  readonly end: WithdrawalEnd | null
  /** The request that was answered with this transfer when it was made, posted: its answer and operation follow from it. */
  readonly request: KeyedRequest | null
  readonly createdAt: Instant
  /** When it counts as made; null: when it was. */
  readonly effectiveAt: Instant | null
}

/** A transfer to which nothing has happened. */
export const UNTOUCHED = {
  request: null,
  operation: null,
  assessment: null,
  hold: null,
  resolution: null,
  crossing: null,
  reverses: null,
  reversedBy: null,
  partOf: null,
  legs: [],
  fee: null,
  judgedBy: null,
  end: null,
  effectiveAt: null,
} as const

/** What one unit of a currency gives in another; `rate` is a decimal number. */
export type ExchangeRate = {
  /** `USD-CNY` */
  readonly pair: string
  readonly version: number
  readonly rate: string
  readonly expiresAt: Instant
  readonly setBy: string
  readonly at: Instant
}

/** Money of a member that went from one currency to another. */
export type Exchange = {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly paid: Money
  readonly received: Money
  /** What rounding cut off, in whole minor units: one, or none. */
  readonly residue: Money
  readonly rate: string
  readonly rateVersion: number
  readonly reference: string
  readonly transfers: { readonly paid: string; readonly received: string; readonly rounding: string | null }
  readonly createdAt: Instant
}

export type TransferState = 'held' | 'pending' | 'posted' | 'voided'

export function stateOf({ hold, resolution, crossing }: Transfer): TransferState {
  if (crossing !== null) return 'pending'
  if (hold === null || resolution?.outcome === 'captured') return 'posted'
  if (resolution !== null) return 'voided'
  return hold.by === 'review' ? 'held' : 'pending'
}

/** A transfer is version 1 when made; each thing that happens to it afterwards is one more. */
export function transferVersionOf({ resolution, reversedBy }: Transfer): number {
  return 1 + (resolution === null ? 0 : 1) + (reversedBy === null ? 0 : 1)
}

/** What moved: less than the amount when a hold was captured in part. */
export function movedAmountOf({ amount, resolution }: Transfer): Money {
  return resolution?.outcome === 'captured' ? money(amount.currency, resolution.captured) : amount
}

/** How an amount can touch one account: what it is called in the entry, and which sums it moves. */
const MOVES = {
  reserve: { phase: 'reserve', direction: 'debit', posted: 0n, pending: 1n },
  release: { phase: 'release', direction: 'credit', posted: 0n, pending: -1n },
  capture: { phase: 'post', direction: 'debit', posted: -1n, pending: -1n },
  debit: { phase: 'post', direction: 'debit', posted: -1n, pending: 0n },
  credit: { phase: 'post', direction: 'credit', posted: 1n, pending: 0n },
} as const

export type MoveKind = keyof typeof MOVES
export type MoveRefusal = { readonly kind: 'insufficient_funds' } | { readonly kind: 'balance_too_large' }

/** Half of what a signed 64-bit column holds, so that no sum of two balances overflows. */
const BALANCE_MINOR_MAX = 4_000_000_000_000_000_000n

/** The balance after a move, one version on; or why it can't be made. */
export function moveBalance(before: Balance, kind: MoveKind, amount: bigint): Balance | MoveRefusal {
  assert(amount > 0n, 'what moves is above zero')
  const move = MOVES[kind]
  const posted = before.posted + move.posted * amount
  const pending = before.pending + move.pending * amount
  assert(pending >= 0n, 'no more is released or captured than was reserved')
  if (posted > BALANCE_MINOR_MAX || posted < -BALANCE_MINOR_MAX) return { kind: 'balance_too_large' }
  const spends = kind === 'reserve' || kind === 'debit'
  if (spends && before.overdraft !== null && posted - pending < -before.overdraft) return { kind: 'insufficient_funds' }
  return { ...before, version: before.version + 1, posted, pending }
}

/** The phase and direction that the entry of a move carries. */
export function entryKindOf(kind: MoveKind): Pick<Entry, 'phase' | 'direction'> {
  const { phase, direction } = MOVES[kind]
  return { phase, direction }
}

export type CaptureRefusal =
  | { readonly kind: 'not_open' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'currency_mismatch' }
  | { readonly kind: 'exceeds_hold' }

/** What a capture takes of a hold and what it gives back; `asked` null takes all. An expired hold is never captured. */
export function captureOf(
  transfer: Transfer,
  asked: Money | null,
  now: Instant,
): { readonly kind: 'capture'; readonly captured: bigint; readonly released: bigint } | CaptureRefusal {
  const { amount, hold, resolution } = transfer
  if (hold === null || resolution !== null) return { kind: 'not_open' }
  if (hold.expiresAt <= now) return { kind: 'expired' }
  if (asked !== null && asked.currency !== amount.currency) return { kind: 'currency_mismatch' }
  const captured = asked?.minor ?? amount.minor
  if (captured > amount.minor) return { kind: 'exceeds_hold' }
  return { kind: 'capture', captured, released: amount.minor - captured }
}

export type OperationState = 'running' | 'held' | 'succeeded' | 'failed'

export type Operation = {
  readonly id: string
  /** Whose money it moves. */
  readonly member: string
  readonly transfer: string
  readonly createdAt: Instant
  readonly version: number
  readonly state: OperationState
  /** Why it failed: what became of its hold, or the code of the refusal. */
  readonly reason: string | null
  readonly updatedAt: Instant
}

export function isFinal(state: OperationState): boolean {
  return state === 'succeeded' || state === 'failed'
}
