import { Problem } from '../../kernel/problem.ts'
import type { PricingOutcome } from './model.ts'

/** The problem that a refused product is to its caller. */
export function refusalOf(outcome: Exclude<PricingOutcome, { kind: 'priced' }>): Problem {
  return new Problem('currency_mismatch', {
    detail: `the product is in ${outcome.currency}, its fee in ${outcome.fee}`,
    errors: [{ pointer: '/fee/amount/currency', detail: `must be ${outcome.currency}` }],
  })
}
