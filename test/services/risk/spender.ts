/**
 * Risk control's decisions as a process of its own, to be killed: decides on one transfer of 0.01 after the other while
 * the provider is away, and prints the id of each that passes; meanwhile cash flow tells of money that has moved. STORE is a
 * PostgreSQL URL or the directory of PGlite.
 */

import { systemClock } from '../../../src/kernel/clock.ts'
import { newId } from '../../../src/kernel/id.ts'
import { type FeedSource, followFeed } from '../../../src/platform/feed.ts'
import { createLog } from '../../../src/platform/log.ts'
import { createOutbox } from '../../../src/platform/outbox.ts'
import { openPglite } from '../../../src/platform/pglite.ts'
import { openPostgres } from '../../../src/platform/postgres.ts'
import { countTold } from '../../../src/services/risk/counted-events.ts'
import { riskMigrations } from '../../../src/services/risk/index.ts'
import { budgetOf, deciding, policiesWith, transferOf } from './away.ts'

const CLIENTS = 8
const { STORE = '', COUNT = '' } = process.env
const server = STORE.startsWith('postgresql:') ? openPostgres(() => STORE, console.error) : await openPglite(STORE)
const policies = policiesWith(budgetOf(Number(COUNT), '500.00'))
const database = await server.open('risk', riskMigrations)
const assessments = deciding(database, () => policies)

/** One event after the other, each of 0.01 that has moved; there is always a next one. */
const source: FeedSource = async (after) => {
  const transfer = `trf_told_${after}`
  const ends = { to: 'acc_bob', fromMember: 'mem_told', amount: { currency: 'CNY', value: '0.01' } }
  const what = { type: 'transfer.posted', subject: transfer, members: [], data: { transfer, ...ends } }
  return [{ ...what, seq: after + 1n, id: newId('event'), at: systemClock.now() }]
}
const follower = followFeed({
  feed: 'cash-flow',
  source,
  store: createOutbox(database, systemClock),
  apply: (event, sql) => countTold(sql, [event]),
  log: createLog('silent'),
})

/** Until the budget is used up. */
async function spend(): Promise<void> {
  for (;;) {
    const outcome = await assessments.assess(transferOf(1n))
    if (outcome.kind !== 'assessed' || !outcome.assessment.unchecked) return
    console.log(outcome.assessment.id)
  }
}

await Promise.all(Array.from({ length: CLIENTS }, spend))
await follower.close()
await server.close()
