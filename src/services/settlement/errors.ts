import { toRfc3339 } from '../../kernel/clock.ts'
import { toWire } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import type { CloseOutcome } from './service.ts'

type Refusal = Exclude<CloseOutcome, { kind: 'closed' | 'repeated' }>

/** The problem that a closing which was not done is to its caller. */
export function refusalOf(outcome: Refusal): Problem {
  if (outcome.kind === 'held_up') {
    return new Problem('conflict', {
      detail: 'the open breaks of the currency come to more than may be open while its batches are closed',
      state: { open: toWire(outcome.open), most: toWire(outcome.most) },
    })
  }
  if (outcome.kind === 'other_account') {
    const { id, payouts } = outcome.batch
    return new Problem('conflict', {
      detail: 'the batch was closed at this cut-off before, and is not paid from this account',
      state: { batch: id, accounts: [...new Set(payouts.map(({ account }) => account))] },
    })
  }
  if (outcome.kind === 'in_the_future') return unacceptable('is in the future')
  return unacceptable(`is not after ${toRfc3339(outcome.last)}, the cut-off of the last batch`)
}

function unacceptable(detail: string): Problem {
  return new Problem('unacceptable_value', { detail: `cutOff ${detail}`, errors: [{ pointer: '/cutOff', detail }] })
}
