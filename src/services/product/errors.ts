import { Problem } from '../../kernel/problem.ts'
import type { TermsOutcome } from './model.ts'

/** The problem that a refused product is to its caller. */
export function refusalOf(outcome: Exclude<TermsOutcome, { kind: 'sound' }>): Problem {
  if (outcome.kind === 'unsound') {
    const { pointer, detail } = outcome
    return new Problem('unacceptable_value', { detail: `body${pointer}: ${detail}`, errors: [{ pointer, detail }] })
  }
  return new Problem('currency_mismatch', {
    detail: `the product is in ${outcome.currency}, its fee in ${outcome.fee}`,
    errors: [{ pointer: outcome.pointer, detail: `must be ${outcome.currency}` }],
  })
}
