import type { Money } from '../../kernel/money.ts'

export type Withdrawn =
  | { readonly kind: 'withdrawn'; readonly withdrawal: string }
  /** The account does not hold it, is not the member's, or can not be paid from. */
  | { readonly kind: 'refused'; readonly detail: string }

/**
 * Cash flow, as payouts need it: the money leaves the member's account into transit before the bank is asked, and is confirmed
 * out of it or given back afterwards. Each is done once under its key, however often it is asked for.
 * @throws Problem where it is not known whether it was done
 */
export interface Ledger {
  withdraw(key: string, member: string, account: string, amount: Money): Promise<Withdrawn>
  confirm(key: string, withdrawal: string, reference: string): Promise<void>
  giveBack(key: string, withdrawal: string, reason: string): Promise<void>
  /** Back onto the account, of what had been confirmed before. */
  deposit(key: string, account: string, amount: Money, reference: string): Promise<void>
}
