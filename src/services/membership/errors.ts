import { Problem } from '../../kernel/problem.ts'
import { ENDPOINTS_PER_MEMBER_MAX, type RegistrationOutcome } from './model.ts'

/** The problem that a refused registration is to its caller. */
export function refusalOf(outcome: Exclude<RegistrationOutcome, { kind: 'registered' }>): Problem {
  switch (outcome.kind) {
    case 'too_many':
      return new Problem('conflict', { detail: `a member has at most ${ENDPOINTS_PER_MEMBER_MAX} webhook endpoints` })
    case 'bad_destination':
      return unacceptable('/url', outcome.fault)
  }
}

export function unknownCountry(): Problem {
  return unacceptable('/country', 'is not a country of ISO 3166-1')
}

function unacceptable(pointer: string, detail: string): Problem {
  return new Problem('unacceptable_value', { detail: `body${pointer}: ${detail}`, errors: [{ pointer, detail }] })
}
