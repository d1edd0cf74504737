import { Problem } from '../../kernel/problem.ts'
import type { Answer } from '../../platform/service-route.ts'
import type { Outcome } from './commands.ts'
import { type KeptProblem, problemOf } from './errors.ts'
import type { Transfer } from './model.ts'
import {
  creditLineOnWire,
  depositOnWire,
  exchangeOnWire,
  operationAcceptedOnWire,
  transferOnWire,
  withdrawalOnWire,
} from './presenters.ts'

/** What a command is answered, in the form in which it is kept for the next request with its key. */
export type Answered =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: unknown
    }
  | ({ readonly kind: 'problem' } & KeptProblem)

export function answerTo(outcome: Exclude<Outcome, { readonly kind: 'crossing' }>): Answered {
  switch (outcome.kind) {
    case 'accepted': {
      const headers = { location: `/v1/operations/${outcome.operation}`, 'preference-applied': 'respond-async' }
      return { kind: 'answer', status: 202, headers, body: operationAcceptedOnWire(outcome.operation) }
    }
    case 'transferred': {
      const { transfer, legs } = outcome
      if (transfer.hold?.by !== 'review' || transfer.operation === null)
        return made('transfers', transferOnWire(transfer, legs))
      const { operation } = transfer
      const body = { operation, id: operation, state: 'held', transfer: transfer.id }
      return { kind: 'answer', status: 202, headers: { location: `/v1/operations/${operation}` }, body }
    }
    case 'reversed':
      return made('transfers', transferOnWire(outcome.transfer, []))
    case 'deposited':
      return { kind: 'answer', status: 201, headers: {}, body: depositOnWire(outcome.transfer) }
    case 'withdrawn':
      return made('withdrawals', withdrawalOnWire(outcome.withdrawal))
    case 'withdrawal_ended':
      return { kind: 'answer', status: 200, headers: {}, body: withdrawalOnWire(outcome.withdrawal) }
    case 'exchanged':
      return made('exchanges', exchangeOnWire(outcome.exchange))
    case 'credit_line_set':
      return { kind: 'answer', status: 201, headers: {}, body: creditLineOnWire(outcome.line) }
    case 'resolved':
      return { kind: 'answer', status: 200, headers: {}, body: transferOnWire(outcome.transfer, outcome.legs) }
    case 'arrived':
    case 'done_before':
      return { kind: 'answer', status: 200, headers: {}, body: null }
    default:
      return { kind: 'problem', ...problemOf(outcome) }
  }
}

/** The first answer to the request that this transfer answers, whatever has become of it since. */
export function firstAnswerWith(transfer: Transfer): Answered {
  return answerTo({
    kind: 'transferred',
    transfer: { ...transfer, resolution: null, crossing: null, reversedBy: null },
    legs: [], // one with legs has its answer kept
  })
}

/**
 * Whether the answer is kept for its key: what was decided is. A caller who named what is not there, or came at the wrong
 * state, has had no effect and may come again.
 */
export function isKept(answered: Answered): boolean {
  return answered.kind === 'answer' || !PASSING.has(answered.code)
}

const PASSING: ReadonlySet<string> = new Set([
  'not_found',
  'conflict',
  'request_in_progress',
  'rate_changed',
  'dependency_unavailable',
])

/** The answer on its way out. @throws Problem where the command was refused */
export function deliver(answered: Answered, replayed: boolean): Answer {
  const headers = replayed ? { 'idempotency-replayed': 'true' } : {}
  if (answered.kind === 'answer') {
    return { status: answered.status, headers: { ...answered.headers, ...headers }, body: answered.body }
  }
  const { code, detail, state } = answered
  if (code === 'request_in_progress' || code === 'dependency_unavailable')
    throw new Problem(code, { detail, headers: { 'retry-after': '1' } })
  throw new Problem(code, { detail, headers, ...(state === undefined ? {} : { state }) })
}

function made(collection: string, body: { readonly id: string }): Answered {
  return { kind: 'answer', status: 201, headers: { location: `/v1/${collection}/${body.id}` }, body }
}
