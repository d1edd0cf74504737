import { assert } from '../../kernel/assert.ts'
import type { Instant } from '../../kernel/clock.ts'
import { type Account, type Balance, type Entry, entryKindOf, type MoveRefusal, moveBalance } from './model.ts'
import type { Move } from './moves.ts'

/** All that is moved under the id of one transfer. */
export type TransferMoves = { readonly transfer: string; readonly moves: readonly Move[] }

/** The entries that all these moves come to, in their order, with the balances after them; or why one of them can't be made. */
export function entriesOf(
  books: { readonly now: Instant; account(id: string): Account | undefined; balance(account: string): Balance },
  all: readonly TransferMoves[],
  effectiveAt: Instant | null,
): { readonly after: ReadonlyMap<string, Balance>; readonly entries: readonly Entry[] } | MoveRefusal {
  const after = new Map<string, Balance>()
  const entries: Entry[] = []
  for (const { transfer, moves } of all) {
    for (const { account, kind, amount } of moves) {
      const moved = moveBalance(after.get(account) ?? books.balance(account), kind, amount)
      if ('kind' in moved) return moved
      after.set(account, moved)
      const { version, posted, pending } = moved
      const shard = books.account(account)?.shard
      assert(shard !== undefined, `the account ${account} was read`)
      const { phase, direction } = entryKindOf(kind)
      const effective = phase === 'post' ? effectiveAt : null
      entries.push({
        id: null,
        account,
        shard,
        version,
        transfer,
        phase,
        direction,
        amount,
        posted,
        pending,
        recordedAt: books.now,
        effectiveAt: effective,
      })
    }
  }
  return { after, entries }
}
