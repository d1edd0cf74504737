import type { Account, Fee, Transfer } from './model.ts'
import type { Move } from './moves.ts'
import { feesAccountOf } from './shards.ts'

/*
 * The fee of a transfer is a part of it: entered, reserved and released in the same batch, out of the same balance and above
 * the same floor, into the fees account of the payer's shard. So it needs no crossing, and a transfer that is refused costs
 * nothing. What it comes to is settled when the transfer is made, a hold's as well; a reversal gives back what moved, and not
 * the fee.
 */

/** Minor units that are reserved for a transfer: what is to move, and what it costs. */
export function reservedFor(minor: bigint, fee: Fee | null): bigint {
  return fee === null ? minor : minor + fee.amount.minor
}

/** The fee's two entries, out of what is free (`debit`) or was reserved (`capture`); none where nothing is charged. */
export function feeMoves(payer: Account, { fee }: Pick<Transfer, 'fee'>, kind: 'debit' | 'capture'): readonly Move[] {
  if (fee === null) return []
  const { currency, minor: amount } = fee.amount
  return [
    { account: payer.id, kind, amount },
    { account: feesAccountOf(currency, payer.shard), kind: 'credit', amount },
  ]
}
