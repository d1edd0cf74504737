import type { Instant } from '../../kernel/clock.ts'
import type { Money } from '../../kernel/money.ts'
import type { MemberStatus } from '../../platform/standing-news.ts'
import type { Traced } from '../../platform/traced-events.ts'
import type { ExceededLimit, Limits } from './limits.ts'
import type {
  Account,
  CreditLine,
  Exchange,
  ExchangeRate,
  Fee,
  JudgedBy,
  MoveRefusal,
  Transfer,
  WithdrawalEnd,
} from './model.ts'

/** On whose behalf a command is. */
export type Actor =
  | { readonly kind: 'member'; readonly id: string }
  | { readonly kind: 'operator'; readonly id: string }
  | { readonly kind: 'service'; readonly id: string }
  /** The decision of a review; `id` is the case. */
  | { readonly kind: 'review'; readonly id: string }
  /** The clock: a hold's time is over. */
  | { readonly kind: 'timer'; readonly id: 'timer' }

/** Whether the actor acts for this member: the member does, and whoever is not a member. */
export function owns(actor: Actor, member: string): boolean {
  return actor.kind !== 'member' || actor.id === member
}

/** The Idempotency-Key of a request, whose it is, and the digest of what was asked under it. */
export type KeyedRequest = { readonly owner: string; readonly key: string; readonly digest: string }

/** One of the parts of a transfer that succeed together; `id` is the transfer's that it is kept as. */
export type Leg = { readonly id: string; readonly from: string; readonly to: string; readonly amount: Money }

/** What of an account or its member is not as the product wants it. */
export type Unmet = 'currency' | 'level' | 'kind' | 'country'

/** What the payer's product says of a part of a transfer, what it costs and how much may be spent; and who pays. */
export type PartTerms = {
  readonly judgedBy: JudgedBy
  readonly fee: Fee | null
  /** In the part's currency. */
  readonly limits: Limits
  /** The paying member's. */
  readonly status: MemberStatus
  /** Which of the product's terms the payer does not meet; null: none. */
  readonly unmet: Unmet | null
}

/** The terms of the parts of a transfer, by the id that each is kept as; `unknown`: nobody could say. */
export type Terms = Pick<ReadonlyMap<string, PartTerms>, 'get'> | 'unknown'

export type TransferCommand = Traced & {
  readonly kind: 'transfer'
  /** `accept` only writes the command down; `accepted` runs one that was; `now` does it at once. */
  readonly run: 'now' | 'accept' | 'accepted'
  readonly request: KeyedRequest
  readonly by: Actor
  readonly transfer: string
  readonly operation: string
  /** The ends and the amount; where there are legs, the first one's ends, and what they come to. */
  readonly from: string
  readonly to: string
  readonly amount: Money
  /** In one currency, and paid by one member's accounts; none for a transfer with ends of its own. */
  readonly legs: readonly Leg[]
  /** As they are when it is run. */
  readonly terms: Terms
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
  /** When the money counts as moved; null: when it is recorded. */
  readonly effectiveAt: Instant | null
}

export type WithdrawCommand = {
  readonly kind: 'withdraw'
  readonly request: KeyedRequest | null
  readonly by: Actor
  readonly withdrawal: string
  /** Whose account it has to be; null: nobody says. */
  readonly member: string | null
  readonly account: string
  readonly amount: Money
  readonly reference: string
  readonly receipt: string | null
}

export type EndWithdrawalCommand = {
  readonly kind: 'end_withdrawal'
  readonly request: KeyedRequest | null
  readonly by: Actor
  /** The withdrawal. */
  readonly transfer: string
  /** The id of the transfer that ends it. */
  readonly end: string
  readonly outcome: WithdrawalEnd['outcome']
  /** The bank's reference, or why it was returned. */
  readonly reference: string
  readonly receipt: string | null
}

export type CreditLineCommand = {
  readonly kind: 'credit_line'
  readonly request: KeyedRequest | null
  readonly by: Actor
  readonly account: string
  /** Zero or more: how far below zero the account may go. */
  readonly amount: Money
  readonly reason: string
}

export type ExchangeCommand = {
  readonly kind: 'exchange'
  readonly request: KeyedRequest
  readonly by: Actor
  readonly exchange: string
  /** The ids of its transfers. */
  readonly transfers: { readonly paid: string; readonly received: string; readonly rounding: string }
  readonly from: string
  readonly to: string
  /** What is paid. */
  readonly amount: Money
  readonly quoted: { readonly pair: string; readonly version: number }
  /** The rate of the pair as it was when the command was made. */
  readonly newest: ExchangeRate | null
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
  /** As of a deposit. */
  readonly effectiveAt: Instant | null
}

/** What goes from one account to another; `transfer` is the leg's, or the transfer's own. */
export type CrossingLeg = {
  readonly transfer: string
  readonly from: string
  readonly to: string
  readonly amount: Money
  /** When it counts as moved, at both ends; null: when it is recorded. */
  readonly effectiveAt: Instant | null
}

/** Money on its way from the payer's shard to the payee's, and the request to answer when it has arrived. */
export type Crossing = CrossingLeg & {
  /** Its parts, which are reserved together, arrive each by itself, and are posted together: one, unless it has legs. */
  readonly legs: readonly CrossingLeg[]
  readonly request: KeyedRequest | null
}

/** A part of a crossing reaches its payee, in the payee's shard. */
export type ArriveCommand = { readonly kind: 'arrive'; readonly request: null; readonly leg: CrossingLeg }

/** What has arrived is posted where it was reserved, in the payer's shard. */
export type CompleteCommand = {
  readonly kind: 'complete'
  readonly request: KeyedRequest | null
  readonly crossing: Crossing
}

/** All that changes a balance, or what it may come to; with the trace of who asked for it. */
export type Command = Traced & AnyCommand

type AnyCommand =
  | TransferCommand
  | DepositCommand
  | WithdrawCommand
  | EndWithdrawalCommand
  | CreditLineCommand
  | ExchangeCommand
  | CaptureCommand
  | VoidCommand
  | ReverseCommand
  | ArriveCommand
  | CompleteCommand

/** The account in whose shard a command is decided: the one it takes money from. `transfer`: the one that it is about. */
export function homeOf(command: Command, transfer: Pick<Transfer, 'from' | 'to'> | undefined): string | undefined {
  switch (command.kind) {
    case 'transfer':
    case 'exchange':
      return command.from
    case 'deposit':
    case 'withdraw':
    case 'credit_line':
      return command.account
    case 'arrive':
      return command.leg.to
    case 'complete':
      return command.crossing.from
    case 'reverse':
      return transfer?.to
    default:
      return transfer?.from
  }
}

/** What the domain foresees that a command is refused for. */
export type Refusal =
  | MoveRefusal
  | { readonly kind: 'not_found' }
  /** The same was asked for before, and is under way. */
  | { readonly kind: 'in_progress' }
  | { readonly kind: 'unknown_account'; readonly field: string }
  | { readonly kind: 'several_payers' }
  | { readonly kind: 'same_account' }
  /** The terms, or who may pay, could not be asked for: nothing was done. */
  | { readonly kind: 'terms_unknown' }
  | { readonly kind: 'limit_exceeded'; readonly account: Account; readonly by: JudgedBy; readonly limit: ExceededLimit }
  | { readonly kind: 'not_active'; readonly account: Account; readonly status: MemberStatus }
  | { readonly kind: 'terms_not_met'; readonly account: Account; readonly by: JudgedBy; readonly term: Unmet }
  /** When it is to count as moved is not acceptable; `why` follows on its name. */
  | { readonly kind: 'not_effective'; readonly why: string }
  | { readonly kind: 'currency_mismatch' }
  | { readonly kind: 'held_and_pending' }
  | { readonly kind: 'exceeds_hold' }
  | { readonly kind: 'other_member' | 'same_currency' | 'not_exchangeable' }
  | { readonly kind: 'rate_changed'; readonly pair: string; readonly newest: ExchangeRate | null }
  | { readonly kind: 'not_open'; readonly transfer: Transfer }
  | { readonly kind: 'expired'; readonly transfer: Transfer }
  | { readonly kind: 'under_review'; readonly transfer: Transfer }
  | { readonly kind: 'not_reversible' | 'is_leg' | 'has_legs'; readonly transfer: Transfer }
  | { readonly kind: 'ended'; readonly withdrawal: Transfer }
  /** A service made it, and alone knows what the bank said of it. */
  | { readonly kind: 'of_service'; readonly withdrawal: Transfer }
  | { readonly kind: 'of_another_member' }

/** Reserved, and on its way to another shard: it can not be refused any more. `begun`: by this command, not by one before it. */
export type OnItsWay = { readonly kind: 'crossing'; readonly crossing: Crossing; readonly begun: boolean }

export type Outcome =
  | OnItsWay
  /** `legs`: its parts as they stand; itself, where it has no legs. */
  | { readonly kind: 'transferred'; readonly transfer: Transfer; readonly legs: readonly Transfer[] }
  /** Reversed by this new transfer. */
  | { readonly kind: 'reversed'; readonly transfer: Transfer }
  | { readonly kind: 'resolved'; readonly transfer: Transfer; readonly legs: readonly Transfer[] }
  | { readonly kind: 'deposited'; readonly transfer: Transfer }
  | { readonly kind: 'withdrawn' | 'withdrawal_ended'; readonly withdrawal: Transfer }
  | { readonly kind: 'credit_line_set'; readonly line: CreditLine }
  | { readonly kind: 'exchanged'; readonly exchange: Exchange }
  | { readonly kind: 'accepted'; readonly operation: string }
  | { readonly kind: 'arrived' }
  /** An accepted command, or a step of a crossing, that another process ran already. */
  | { readonly kind: 'done_before' }
  | Refusal
