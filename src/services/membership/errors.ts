import { Problem } from '../../kernel/problem.ts'
import { EXPORTS_KEPT_MAX, type ExportOutcome, type PersonExport } from './export-model.ts'
import {
  ENDPOINTS_PER_MEMBER_MAX,
  REVOCATIONS_IN_FORCE_MAX,
  type RegistrationOutcome,
  type RevocationOutcome,
} from './model.ts'

/** The problem that a refused registration is to its caller. */
export function refusalOf(outcome: Exclude<RegistrationOutcome, { kind: 'registered' }>): Problem {
  switch (outcome.kind) {
    case 'too_many':
      return new Problem('conflict', { detail: `a member has at most ${ENDPOINTS_PER_MEMBER_MAX} webhook endpoints` })
    case 'erased':
      return new Problem('conflict', { detail: 'the member was erased' })
    case 'bad_destination':
      return unacceptable('/url', outcome.fault)
  }
}

/** The problem that a revocation which was not made is to its operator. */
export function unmadeOf(outcome: Exclude<RevocationOutcome, { kind: 'revoked' }>): Problem {
  switch (outcome.kind) {
    case 'too_many':
      return new Problem('conflict', { detail: `at most ${REVOCATIONS_IN_FORCE_MAX} revocations are in force at once` })
    case 'over':
      return unacceptable('/until', 'is over')
  }
}

/** The problem that an export which was not begun is to whoever asked for it. */
export function unbegunOf(outcome: Exclude<ExportOutcome, { kind: 'begun' }>): Problem {
  if (outcome.kind === 'not_found') return new Problem('not_found')
  return new Problem('conflict', {
    detail: `${EXPORTS_KEPT_MAX} exports are kept already: read one of them, or wait until one expires`,
  })
}

/** The problem that a part is whose export is under way still, or over. */
export function notKept({ state }: PersonExport): Problem {
  const detail = state === 'running' ? 'it is being gathered' : `it is ${state}, and its parts are not kept`
  return new Problem('conflict', { detail, state: { state } })
}

/** A body whose fields do not make sense together, or one of them by itself. */
export function unreadable(pointer: string, detail: string): Problem {
  return new Problem('validation_failed', { detail: `body${pointer}: ${detail}`, errors: [{ pointer, detail }] })
}

export function unknownCountry(): Problem {
  return unacceptable('/country', 'is not a country of ISO 3166-1')
}

function unacceptable(pointer: string, detail: string): Problem {
  return new Problem('unacceptable_value', { detail: `body${pointer}: ${detail}`, errors: [{ pointer, detail }] })
}
