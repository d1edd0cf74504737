import type { Instant } from '../../kernel/clock.ts'
import type { Books } from './books.ts'
import type { Actor, Refusal } from './commands.ts'
import type { Account } from './model.ts'

/** How long before it is recorded money may count as moved. Reads look so far ahead for what was recorded late. */
export const EFFECTIVE_MS_MAX = 400 * 86_400_000

/** When money counts as moved, if that is earlier than now; or why it can't be. Only operators say when. */
export function effectiveOf(
  books: Books,
  asked: Instant | null,
  by: Actor,
  accounts: readonly Account[],
): Instant | null | Extract<Refusal, { kind: 'not_effective' }> {
  if (asked === null) return null
  if (by.kind !== 'operator') return { kind: 'not_effective', why: 'is for operators to say' }
  if (asked > books.now) return { kind: 'not_effective', why: 'is later than now' }
  if (asked < books.now - EFFECTIVE_MS_MAX) return { kind: 'not_effective', why: 'is more than 400 days ago' }
  const opened = accounts.filter(({ kind }) => kind === 'member').map(({ openedAt }) => openedAt)
  if (opened.some((at) => asked < at)) return { kind: 'not_effective', why: 'is before the account was opened' }
  return asked < books.now ? asked : null
}
