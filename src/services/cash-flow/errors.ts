import { assert, unreachable } from '../../kernel/assert.ts'
import { toRfc3339 } from '../../kernel/clock.ts'
import { money, toWire, type WireMoney } from '../../kernel/money.ts'
import { Problem, type ProblemCode } from '../../kernel/problem.ts'
import type { Refusal, Unmet } from './commands.ts'
import { stateOf, type Transfer } from './model.ts'

type PresentState = Readonly<Record<string, string | number | null | WireMoney>>

/** A refusal as it is kept beside its key, and told each time. */
export type KeptProblem = {
  readonly code: ProblemCode
  readonly detail: string
  readonly state?: PresentState
}

/** What a caller is told of a refusal. */
export function problemOf(refusal: Refusal): KeptProblem {
  const code = refusalCode(refusal)
  switch (refusal.kind) {
    case 'not_found':
      return { code, detail: 'there is no such account or transfer' }
    case 'in_progress':
      return { code, detail: 'the transfer is under way; ask again for its answer' }
    case 'unknown_account':
      return { code, detail: `body/${refusal.field}: there is no such account` }
    case 'several_payers':
      return { code, detail: 'body/legs: are not all paid by the accounts of one member' }
    case 'same_account':
      return { code, detail: 'body/to: is the account that pays' }
    case 'terms_unknown':
      return {
        code,
        detail:
          'the terms of the transfer are not known while membership or the product service is away; nothing was done',
      }
    case 'not_active': {
      const { account, status } = refusal
      return { code, detail: `the member who pays is ${status}`, state: { account: account.id, status } }
    }
    case 'limit_exceeded':
      return { code, ...limitProblem(refusal) }
    case 'terms_not_met': {
      const { account, by, term } = refusal
      return { code, detail: `the product is not for ${UNMET[term]}`, state: { account: account.id, ...by, term } }
    }
    case 'not_effective':
      return { code, detail: `body/effectiveAt: ${refusal.why}` }
    case 'currency_mismatch':
      return { code, detail: 'the amount and its accounts are not in one currency' }
    case 'insufficient_funds':
      return {
        code,
        detail: 'the available balance, with the credit line, is less than the amount, and its fee where there is one',
      }
    case 'balance_too_large':
      return { code, detail: 'the balance would be larger than any kept here' }
    case 'held_and_pending':
      return { code, detail: 'body/pending: risk control holds this transfer; it can not be pending as well' }
    case 'exceeds_hold':
      return { code, detail: 'body/amount: is more than what is held' }
    case 'other_member':
      return { code, detail: 'body/to: is not an account of the same member' }
    case 'same_currency':
      return { code, detail: 'body/to: is in the currency that is paid in; that is a transfer' }
    case 'not_exchangeable':
      return { code, detail: 'body/amount: comes to nothing, or to more than any amount kept here' }
    case 'rate_changed':
      return {
        code,
        detail: 'the rate that was quoted has expired, was replaced, or was never set',
        state: presentRate(refusal),
      }
    case 'not_open':
      return { code, detail: 'nothing is held under this transfer', state: presentState(refusal.transfer) }
    case 'expired':
      return { code, detail: "the hold's time is over", state: presentState(refusal.transfer) }
    case 'under_review':
      return { code, detail: 'the review decides on this transfer', state: presentState(refusal.transfer) }
    case 'is_leg':
      return {
        code,
        detail: `it is a leg of ${refusal.transfer.partOf}, and goes with it`,
        state: presentState(refusal.transfer),
      }
    case 'has_legs':
      return { code, detail: 'its legs are reversed one by one', state: presentState(refusal.transfer) }
    case 'not_reversible':
      return {
        code,
        detail: 'only its payee or an operator reverses a posted transfer, and once',
        state: presentState(refusal.transfer),
      }
    case 'ended': {
      const { id, end } = refusal.withdrawal
      const state = { withdrawal: id, state: end?.outcome ?? null }
      return { code, detail: 'the bank has confirmed or returned the withdrawal before', state }
    }
    case 'of_service': {
      const { id, maker } = refusal.withdrawal
      const detail = `${maker} made the withdrawal, and ends it by what the bank tells`
      return { code, detail, state: { withdrawal: id, state: 'pending' } }
    }
    case 'of_another_member':
      return { code, detail: 'body/account: is not an account of the member' }
    default:
      return unreachable(refusal)
  }
}

const CODES = {
  not_found: 'not_found',
  in_progress: 'request_in_progress',
  unknown_account: 'unknown_reference',
  same_account: 'unacceptable_value',
  terms_unknown: 'dependency_unavailable',
  not_active: 'member_not_active',
  limit_exceeded: 'limit_exceeded',
  terms_not_met: 'terms_not_met',
  not_effective: 'unacceptable_value',
  currency_mismatch: 'currency_mismatch',
  insufficient_funds: 'insufficient_funds',
  balance_too_large: 'unacceptable_value',
  held_and_pending: 'unacceptable_value',
  exceeds_hold: 'unacceptable_value',
  other_member: 'unacceptable_value',
  same_currency: 'unacceptable_value',
  not_exchangeable: 'unacceptable_value',
  rate_changed: 'rate_changed',
  not_open: 'conflict',
  expired: 'conflict',
  under_review: 'conflict',
  not_reversible: 'conflict',
  is_leg: 'conflict',
  has_legs: 'conflict',
  several_payers: 'unacceptable_value',
  ended: 'conflict',
  of_service: 'conflict',
  of_another_member: 'unacceptable_value',
} as const satisfies Record<Refusal['kind'], ProblemCode>

/** The code of a refusal; also the reason of an operation that failed by it. */
export function refusalCode({ kind }: Refusal): ProblemCode {
  return CODES[kind]
}

/** Its id follows from its key alone, so it may be known to the caller before it is here. */
export function unknownOperation(): Problem {
  const detail =
    'not known here (yet); send the same request with the same Idempotency-Key to find out what became of it'
  return new Problem('not_found', { detail })
}

export function notFound(what: string): Problem {
  return new Problem('not_found', { detail: `there is no such ${what}` })
}

export const UNMET: Readonly<Record<Unmet, string>> = {
  currency: 'accounts in this currency',
  level: 'members of this level',
  kind: 'members of this kind',
  country: 'members of this country',
}

const LIMIT_NAMES = { perTransfer: 'one transfer', perDay: 'a day', perMonth: 'a month' } as const

/** Names the limit, what it is, what is used of it and when that begins anew. */
function limitProblem({ account, by, limit: exceeded }: Extract<Refusal, { readonly kind: 'limit_exceeded' }>) {
  const { limit, resetsAt } = exceeded
  const [amount, used] = [exceeded.amount, exceeded.used].map((minor) => toWire(money(account.currency, minor)))
  assert(amount !== undefined && used !== undefined, 'both were given')
  const until = resetsAt === null ? null : toRfc3339(resetsAt)
  const most = `the product lets ${LIMIT_NAMES[limit]} take ${amount.value} ${amount.currency} of the account`
  return {
    detail: until === null ? most : `${most}, of which ${used.value} are used until ${until}`,
    state: { limit, amount, used, resetsAt: until, account: account.id, ...by },
  }
}

function presentRate({ pair, newest }: Extract<Refusal, { readonly kind: 'rate_changed' }>): PresentState {
  if (newest === null) return { pair, version: null }
  const { version, rate, expiresAt } = newest
  return { pair, version, rate, expiresAt: toRfc3339(expiresAt) }
}

function presentState(transfer: Transfer): Readonly<Record<string, string | null>> {
  const { id, resolution, reversedBy } = transfer
  return { transfer: id, state: stateOf(transfer), outcome: resolution?.outcome ?? null, reversedBy }
}
