import type { MoveKind } from './model.ts'

/** One move of a posting. */
export type Move = { readonly account: string; readonly kind: MoveKind; readonly amount: bigint }

/** The two balanced entries of money that moves within a shard. */
export function postings(from: string, to: string, amount: bigint) {
  return [
    { account: from, kind: 'debit', amount },
    { account: to, kind: 'credit', amount },
  ] as const
}
