import { createHash } from 'node:crypto'
import { CURRENCIES, type Currency } from '../../kernel/money.ts'

/** The shard of a member's accounts, so that what one member does among them crosses nothing. */
export function shardOf(member: string, shards: number): number {
  return createHash('sha256').update(member).digest().readUInt32BE() % shards
}

/** The account through which money of a currency comes from the outside into a shard. */
export function externalAccountOf(currency: Currency, shard: number): string {
  const name = `acc_external_${currency.toLowerCase()}`
  return shard === 0 ? name : `${name}_${shard}` // as it was called when there was one shard
}

/** The account through which money goes to the other shards; over all shards they add up to what is under way. */
export function betweenAccountOf(currency: Currency, shard: number): string {
  return `acc_between_${currency.toLowerCase()}_${shard}`
}

/** The account in which withdrawals lie that the bank has neither confirmed nor returned. */
export function transitAccountOf(currency: Currency, shard: number): string {
  return `acc_transit_${currency.toLowerCase()}_${shard}`
}

/** The bank's own account in a currency, out of which and into which money is exchanged. */
export function liquidityAccountOf(currency: Currency, shard: number): string {
  return `acc_liquidity_${currency.toLowerCase()}_${shard}`
}

/** The account to which goes what rounding cuts off. */
export function roundingAccountOf(currency: Currency, shard: number): string {
  return `acc_rounding_${currency.toLowerCase()}_${shard}`
}

/** The account to which go the fees that transfers cost their payers. */
export function feesAccountOf(currency: Currency, shard: number): string {
  return `acc_fees_${currency.toLowerCase()}_${shard}`
}

/** The clearing accounts of a currency in a shard. */
export function clearingAccountsIn(currency: Currency, shard: number): readonly string[] {
  const kinds = [
    externalAccountOf,
    betweenAccountOf,
    transitAccountOf,
    liquidityAccountOf,
    roundingAccountOf,
    feesAccountOf,
  ]
  return kinds.map((of) => of(currency, shard))
}

/** The clearing accounts of a shard: nobody's, and without a floor. */
export function clearingAccountsOf(shard: number): readonly { readonly id: string; readonly currency: Currency }[] {
  return CURRENCIES.flatMap((currency) => clearingAccountsIn(currency, shard).map((id) => ({ id, currency })))
}
