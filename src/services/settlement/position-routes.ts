import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { money, toWire } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import { limitOf, pageOf } from '../../platform/page.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { PositionQuery, WireClearing, WirePositions } from './reconciliation-schema.ts'
import { readCutOff } from './routes.ts'
import type { SettlementService } from './service.ts'

const HOUR_MS = 3_600_000

/** `clearsWithinH`: how long after it was sent a payout should be on a statement, and in transit no more. */
export function positionRoutes(service: SettlementService, clock: Clock, clearsWithinH: number): ServiceRoute[] {
  return [
    route({
      method: 'get',
      path: '/v1/net-positions',
      operationId: 'listNetPositions',
      summary: 'What each party is to have from each other one at a cut-off that something was closed at',
      callers: ['operator'],
      query: PositionQuery,
      answers: { 200: WirePositions },
      async run({ query }) {
        const limit = limitOf(query.limit)
        const [party, counterparty] = query.cursor?.split('.') ?? []
        const after = party === undefined ? null : ([party, counterparty ?? ''] as const)
        const found = await service.positions(query.currency, readCutOff(query.cutOff), after, limit + 1)
        if (found === null) throw new Problem('not_found')
        const amount = (minor: bigint) => toWire(money(query.currency, minor))
        const body = pageOf(
          found,
          limit,
          (one) => `${one.party}.${one.counterparty ?? ''}`,
          (one) => ({ ...one, in: amount(one.in), out: amount(one.out), net: amount(one.in - one.out) }),
        )
        return { status: 200, body }
      },
    }),
    route({
      method: 'get',
      path: '/v1/clearing-positions',
      operationId: 'listClearingPositions',
      summary: 'What lies in transit to members, and by when it should be nothing',
      callers: ['operator'],
      answers: { 200: WireClearing },
      async run() {
        const now = clock.now()
        const items = (await service.inTransit()).map(({ currency, minor, payouts, oldestAt }) => {
          const zeroBy = oldestAt === null ? null : ((oldestAt + clearsWithinH * HOUR_MS) as Instant)
          return {
            currency,
            inTransit: toWire(money(currency, minor)),
            payouts,
            oldestAt: oldestAt === null ? null : toRfc3339(oldestAt),
            zeroBy: zeroBy === null ? null : toRfc3339(zeroBy),
            overdue: zeroBy !== null && zeroBy < now,
          }
        })
        return { status: 200, body: { items, next: null } }
      },
    }),
  ]
}
