import { Router } from 'express'
import { type Clock, fromRfc3339, type Instant } from '../kernel/clock.ts'
import { isId } from '../kernel/id.ts'
import { Problem } from '../kernel/problem.ts'
import { atMost } from '../platform/at-most.ts'
import type { DecisionLog } from './decision-log.ts'
import { reportOn } from './policy-report.ts'
import { isSampled } from './sampling.ts'

const DAY_MS = 86_400_000

/** Reading the log takes a disk's time: a few at once, so that it never takes the edge's. */
const READING_AT_ONCE_MAX = 2
const READING_WAITING_MAX = 20

/** What operators read of the decisions: one by its receipt, and what each rule did. */
export function receiptRoutes(decisions: DecisionLog, allowedSample: number, clock: Clock): Router {
  const readers = atMost(READING_AT_ONCE_MAX, READING_WAITING_MAX)
  const reading = <T>(work: () => Promise<T>): Promise<T> => {
    const running = readers.run(work)
    if (running === null) throw new Problem('overloaded', { detail: 'the decision log is being read by many' })
    return running
  }
  const router = Router()

  router.get('/v1/receipts/:id', async (request, response) => {
    const { id } = request.params
    const found = isId('receipt', id) ? await reading(() => decisions.find(id)) : null
    if (found === null) throw new Problem('not_found', { detail: whyNot(id, allowedSample) })
    response.json({ ...found.decision, jwe: found.jwe })
  })

  router.get('/v1/policies/report', async (request, response) => {
    const { since } = request.query
    const from = since === undefined ? ((clock.now() - DAY_MS) as Instant) : fromRfc3339(String(since))
    if (from === null) throw new Problem('validation_failed', { detail: '`since` is an RFC 3339 time' })
    response.json(await reading(() => reportOn(decisions, from, allowedSample)))
  })
  return router
}

function whyNot(receipt: string, allowedSample: number): string {
  if (!isId('receipt', receipt) || isSampled(receipt, allowedSample)) {
    return 'no decision with this receipt is kept here: it was given elsewhere, or is older than the log'
  }
  return `not recorded: of the requests that were plainly allowed ${allowedSample} are kept, and this receipt is not in that part`
}
