import type { ProductCreation, ProductFields } from './schema.ts'

export type PricingOutcome =
  | { readonly kind: 'priced'; readonly product: ProductFields }
  /** A fee is charged on the account, so it is in the account's currency. */
  | { readonly kind: 'fee_in_other_currency'; readonly currency: string; readonly fee: string }

/** A product of which no fee was said has none. */
export function price({ name, currency, fee = { kind: 'none' } }: ProductCreation): PricingOutcome {
  if (fee.kind === 'flat' && fee.amount.currency !== currency) {
    return { kind: 'fee_in_other_currency', currency, fee: fee.amount.currency }
  }
  return { kind: 'priced', product: { name, currency, fee } }
}
