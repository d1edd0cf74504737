import { toRfc3339 } from '../../kernel/clock.ts'
import { isId } from '../../kernel/id.ts'
import { type Currency, money, toWire } from '../../kernel/money.ts'
import { isHoldOutcome } from './happenings.ts'
import {
  type Account,
  type Balance,
  type Entry,
  movedAmountOf,
  type Operation,
  stateOf,
  type Transfer,
  transferVersionOf,
} from './model.ts'

export function accountOnWire({ id, member, product, currency }: Account, balance: Balance) {
  return { id, member, product, currency, balance: balanceOnWire(currency, balance), version: balance.version }
}

export function entryOnWire(entry: Entry, currency: Currency) {
  const { id, account, version, transfer, phase, direction, amount, recordedAt } = entry
  return {
    id,
    account,
    version,
    [isId('deposit', transfer) ? 'deposit' : 'transfer']: transfer,
    phase,
    direction,
    amount: toWire(money(currency, amount)),
    balance: balanceOnWire(currency, entry),
    recordedAt: toRfc3339(recordedAt),
  }
}

function balanceOnWire(currency: Currency, { posted, pending }: Pick<Balance, 'posted' | 'pending'>) {
  const amount = (minor: bigint) => toWire(money(currency, minor))
  return { posted: amount(posted), pending: amount(pending), available: amount(posted - pending) }
}

export function depositOnWire({ id, to, amount, reference, createdAt }: Transfer) {
  return { id, account: to, amount: toWire(amount), reference, createdAt: toRfc3339(createdAt), version: 1 }
}

export function transferOnWire(transfer: Transfer) {
  const { id, operation, from, to, amount, reference, hold, resolution, reverses, reversedBy, createdAt } = transfer
  const state = stateOf(transfer)
  const open = state === 'held' || state === 'pending'
  return {
    id,
    state,
    ...(operation === null ? {} : { operation }),
    from,
    to,
    amount: toWire(amount),
    reference,
    ...(open && hold !== null ? { expiresAt: toRfc3339(hold.expiresAt) } : {}),
    ...(resolution?.outcome === 'captured' ? { captured: toWire(movedAmountOf(transfer)) } : {}),
    ...(state === 'voided' && resolution !== null ? { reason: resolution.outcome } : {}),
    ...(reverses === null ? {} : { reverses }),
    ...(reversedBy === null ? {} : { reversedBy }),
    createdAt: toRfc3339(createdAt),
    version: transferVersionOf(transfer),
  }
}

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
