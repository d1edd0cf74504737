import type { Money } from '../../kernel/money.ts'
import type { MoveRefusal, Transfer } from './model.ts'

/** On whose behalf a command is. */
export type Actor =
  | { readonly kind: 'member'; readonly id: string }
  | { readonly kind: 'operator'; readonly id: string }
  | { readonly kind: 'service'; readonly id: string }
  /** The decision of a review; `id` is the case. */
  | { readonly kind: 'review'; readonly id: string }
  /** The clock: a hold's time is over. */
  | { readonly kind: 'timer'; readonly id: 'timer' }

/** The Idempotency-Key of a request, whose it is, and the digest of what was asked under it. */
export type KeyedRequest = { readonly owner: string; readonly key: string; readonly digest: string }

export type TransferCommand = {
  readonly kind: 'transfer'
  /** `accept` only writes the command down; `accepted` runs one that was; `now` does it at once. */
  readonly run: 'now' | 'accept' | 'accepted'
  readonly request: KeyedRequest
  readonly by: Actor
  readonly transfer: string
  readonly operation: string
  readonly from: string
  readonly to: string
  readonly amount: Money
  readonly reference: string
  /** The members' own hold: posted when one of them captures it. */
  readonly pending: boolean
  /** Risk control's hold until a review decides; null `lastsMs`: as long as holds last by default. */
  readonly hold: { readonly lastsMs: number | null } | null
  readonly assessment: string | null
  readonly receipt: string | null
}

export type DepositCommand = {
  readonly kind: 'deposit'
  readonly request: KeyedRequest | null
  readonly by: Actor
  readonly deposit: string
  readonly account: string
  readonly amount: Money
  readonly reference: string
  readonly receipt: string | null
}

export type CaptureCommand = {
  readonly kind: 'capture'
  readonly request: KeyedRequest | null
  readonly by: Actor
  readonly transfer: string
  /** Null captures all that is held. */
  readonly amount: Money | null
}

export type VoidCommand = {
  readonly kind: 'void'
  readonly request: KeyedRequest | null
  readonly by: Actor
  readonly transfer: string
}

export type ReverseCommand = {
  readonly kind: 'reverse'
  readonly request: KeyedRequest | null
  readonly by: Actor
  readonly transfer: string
  /** The id of the transfer that takes it back. */
  readonly reversal: string
  readonly receipt: string | null
}

/** All that changes a balance. */
export type Command = TransferCommand | DepositCommand | CaptureCommand | VoidCommand | ReverseCommand

/** What the domain foresees that a command is refused for. */
export type Refusal =
  | MoveRefusal
  | { readonly kind: 'not_found' }
  | { readonly kind: 'unknown_account'; readonly field: 'to' | 'account' }
  | { readonly kind: 'same_account' }
  | { readonly kind: 'currency_mismatch' }
  | { readonly kind: 'held_and_pending' }
  | { readonly kind: 'exceeds_hold' }
  | { readonly kind: 'not_open'; readonly transfer: Transfer }
  | { readonly kind: 'expired'; readonly transfer: Transfer }
  | { readonly kind: 'under_review'; readonly transfer: Transfer }
  | { readonly kind: 'not_reversible'; readonly transfer: Transfer }

export type Outcome =
  | { readonly kind: 'transferred'; readonly transfer: Transfer }
  /** Reversed by this new transfer. */
  | { readonly kind: 'reversed'; readonly transfer: Transfer }
  | { readonly kind: 'resolved'; readonly transfer: Transfer }
  | { readonly kind: 'deposited'; readonly transfer: Transfer }
  | { readonly kind: 'accepted'; readonly operation: string }
  /** An accepted command that another process ran already. */
  | { readonly kind: 'done_before' }
  | Refusal
