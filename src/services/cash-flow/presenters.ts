import { toRfc3339 } from '../../kernel/clock.ts'
import { derivedId, isId } from '../../kernel/id.ts'
import { type Currency, money, toWire } from '../../kernel/money.ts'
import { isHoldOutcome } from './happenings.ts'
import {
  type Account,
  type Balance,
  type CreditLine,
  type Entry,
  type Exchange,
  type ExchangeRate,
  type Fee,
  type JudgedBy,
  movedAmountOf,
  type Operation,
  stateOf,
  type Transfer,
  transferVersionOf,
} from './model.ts'

export function accountOnWire({ id, member, product, currency }: Account, balance: Balance) {
  const { overdraft, version } = balance
  const creditLine = overdraft === null ? null : toWire(money(currency, overdraft))
  return { id, member, product, currency, balance: balanceOnWire(currency, balance), creditLine, version }
}

export function creditLineOnWire({ account, version, amount, reason, setBy, at }: CreditLine) {
  return { account, version, creditLine: toWire(amount), reason, setBy, createdAt: toRfc3339(at) }
}

export function entryOnWire(entry: Entry, currency: Currency) {
  const { id, account, version, transfer, phase, direction, amount, recordedAt, effectiveAt } = entry
  return {
    id: id ?? derivedId('entry', account, String(version)),
    account,
    version,
    [kindOf(transfer)]: transfer,
    phase,
    direction,
    amount: toWire(money(currency, amount)),
    balance: balanceOnWire(currency, entry),
    recordedAt: toRfc3339(recordedAt),
    effectiveAt: toRfc3339(effectiveAt ?? recordedAt),
  }
}

function kindOf(transfer: string): 'deposit' | 'withdrawal' | 'transfer' {
  return isId('deposit', transfer) ? 'deposit' : isId('withdrawal', transfer) ? 'withdrawal' : 'transfer'
}

/** An entry as its record has it, with bigints as decimal text. */
export function entryFact({ id, recordedAt, effectiveAt, amount, posted, pending, ...entry }: Entry) {
  const kept = id === null ? {} : { id }
  const sums = { amount: String(amount), posted: String(posted), pending: String(pending) }
  const effective = effectiveAt === null ? {} : { effective_at: toRfc3339(effectiveAt) }
  return { ...kept, ...entry, ...sums, recorded_at: toRfc3339(recordedAt), ...effective }
}

function balanceOnWire(currency: Currency, { posted, pending }: Pick<Balance, 'posted' | 'pending'>) {
  const amount = (minor: bigint) => toWire(money(currency, minor))
  return { posted: amount(posted), pending: amount(pending), available: amount(posted - pending) }
}

/** Of what counts as made at an earlier time. */
function effectiveOnWire({ effectiveAt }: Pick<Transfer, 'effectiveAt'>) {
  return effectiveAt === null ? {} : { effectiveAt: toRfc3339(effectiveAt) }
}

export function depositOnWire(deposit: Transfer) {
  const { id, to, amount, reference, createdAt } = deposit
  const made = { createdAt: toRfc3339(createdAt), ...effectiveOnWire(deposit) }
  return { id, account: to, amount: toWire(amount), reference, ...made, version: 1 }
}

export function rateOnWire({ pair, version, rate, expiresAt, setBy, at }: ExchangeRate) {
  return { pair, version, rate, expiresAt: toRfc3339(expiresAt), setBy, createdAt: toRfc3339(at) }
}

export function exchangeOnWire(exchange: Exchange) {
  const { id, from, to, paid, received, residue, rate, rateVersion, reference, transfers, createdAt } = exchange
  return {
    ...{ id, from, to, paid: toWire(paid), received: toWire(received), residue: toWire(residue) },
    ...{ rate, rateVersion, reference, transfers, createdAt: toRfc3339(createdAt), version: 1 },
  }
}

export function withdrawalOnWire({ id, from, amount, reference, end, createdAt }: Transfer) {
  return {
    id,
    state: end?.outcome ?? 'pending',
    account: from,
    amount: toWire(amount),
    reference,
    ...(end === null ? {} : { transfer: end.transfer }),
    createdAt: toRfc3339(createdAt),
    version: end === null ? 1 : 2,
  }
}

/** A transfer; one with legs has them in place of ends of its own. `legs`: its parts as they stand. */
export function transferOnWire(transfer: Transfer, legs: readonly Transfer[]) {
  const { id, operation, from, to, amount, reference, hold, resolution, reverses, reversedBy, partOf, createdAt } =
    transfer
  const state = stateOf(transfer)
  const open = state === 'held' || state === 'pending'
  return {
    id,
    state,
    ...(operation === null ? {} : { operation }),
    ...(transfer.legs.length === 0 ? { from, to } : { legs: legs.map(legOnWire) }),
    amount: toWire(amount),
    ...feeOnWire(transfer),
    ...judgedOnWire(transfer),
    reference,
    ...(open && hold !== null ? { expiresAt: toRfc3339(hold.expiresAt) } : {}),
    ...(resolution?.outcome === 'captured' ? { captured: toWire(movedAmountOf(transfer)) } : {}),
    ...(state === 'voided' && resolution !== null ? { reason: resolution.outcome } : {}),
    ...(reverses === null ? {} : { reverses }),
    ...(reversedBy === null ? {} : { reversedBy }),
    ...(partOf === null ? {} : { partOf }),
    createdAt: toRfc3339(createdAt),
    ...effectiveOnWire(transfer),
    version: transferVersionOf(transfer),
  }
}

function legOnWire(leg: Transfer) {
  const { id, from, to, amount, reversedBy } = leg
  return {
    id,
    from,
    to,
    amount: toWire(amount),
    ...feeOnWire(leg),
    ...judgedOnWire(leg),
    ...(reversedBy === null ? {} : { reversedBy }),
  }
}

/** Of a transfer that costs its payer something. */
export function feeOnWire({ fee }: Pick<Transfer, 'fee'>): { readonly fee?: WireFee } {
  return fee === null ? {} : { fee: { ...fee, amount: toWire(fee.amount) } }
}

/** Of a transfer that was judged by the terms of a product. */
function judgedOnWire({ judgedBy }: Transfer): { readonly judgedBy?: JudgedBy } {
  return judgedBy === null ? {} : { judgedBy }
}

type WireFee = Omit<Fee, 'amount'> & { readonly amount: ReturnType<typeof toWire> }

export function operationOnWire({ id, state, transfer, reason, version, createdAt, updatedAt }: Operation) {
  const made = state !== 'running' && (reason === null || isHoldOutcome(reason))
  return {
    id,
    state,
    ...(made ? { transfer } : {}),
    ...(reason === null ? {} : { reason }),
    version,
    createdAt: toRfc3339(createdAt),
    updatedAt: toRfc3339(updatedAt),
  }
}

/** The answer to a command that was only written down so far. */
export function operationAcceptedOnWire(operation: string) {
  return { operation, id: operation, state: 'running' }
}
