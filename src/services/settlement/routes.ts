import { fromRfc3339, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { toWire } from '../../kernel/money.ts'
import { Problem } from '../../kernel/problem.ts'
import { limitOf, pageOf } from '../../platform/page.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { refusalOf } from './errors.ts'
import { type Batch, netOf, type Payout } from './model.ts'
import { BatchClosing, BatchParams, BatchQuery, WireBatch, WireBatches } from './schema.ts'
import type { SettlementService } from './service.ts'

/** Settlement is the operators' work: members and other services see no such routes. */
export function settlementRoutes(service: SettlementService): ServiceRoute[] {
  return [
    route({
      method: 'post',
      path: '/v1/settlement-batches',
      operationId: 'closeSettlementBatch',
      summary: "Close what was posted of a member's currency up to a cut-off; 200 when it was closed before",
      callers: ['operator'],
      body: BatchClosing,
      answers: { 200: WireBatch, 201: WireBatch },
      async run({ body }) {
        const outcome = await service.close({ ...body, cutOff: readCutOff(body.cutOff) })
        if (outcome.kind !== 'closed' && outcome.kind !== 'repeated') throw refusalOf(outcome)
        const location = `/v1/settlement-batches/${outcome.batch.id}`
        return {
          status: outcome.kind === 'closed' ? 201 : 200,
          headers: { location },
          body: batchOnWire(outcome.batch),
        }
      },
    }),
    route({
      method: 'get',
      path: '/v1/settlement-batches/:id',
      operationId: 'readSettlementBatch',
      summary: 'A batch as it stands',
      callers: ['operator'],
      params: BatchParams,
      answers: { 200: WireBatch },
      async run({ params }) {
        const batch = await service.read(params.id)
        if (batch === null) throw new Problem('not_found')
        return { status: 200, body: batchOnWire(batch) }
      },
    }),
    route({
      method: 'get',
      path: '/v1/settlement-batches',
      operationId: 'listSettlementBatches',
      summary: 'Batches of one member or of all, newest first',
      callers: ['operator'],
      query: BatchQuery,
      answers: { 200: WireBatches },
      async run({ query }) {
        const limit = limitOf(query.limit)
        const batches = await service.list(query.member ?? null, query.cursor ?? null, limit + 1)
        return { status: 200, body: pageOf(batches, limit, ({ id }) => id, batchOnWire) }
      },
    }),
  ]
}

/** A time since 1970; stores have no common idea of a year 0. */
export function readCutOff(text: string): Instant {
  const cutOff = fromRfc3339(text)
  if (cutOff !== null && cutOff >= 0) return cutOff
  const detail = 'is not an RFC 3339 time since 1970'
  throw new Problem('validation_failed', { detail: `cutOff: ${detail}`, errors: [{ pointer: '/cutOff', detail }] })
}

function wireOfPayout({ id, account, amount, state, reason }: Payout): WireBatch['payouts'][number] {
  return { id, account, amount: toWire(amount), state, ...(reason === '' ? {} : { reason }) }
}

export function batchOnWire(batch: Batch): WireBatch {
  const { id, member, currency, cutOff, through, lines, carried, gross, fees, payouts } = batch
  const { state, closedAt, version } = batch
  return {
    id,
    member,
    currency,
    cutOff: toRfc3339(cutOff),
    through: through === null ? null : toRfc3339(through),
    lines,
    carried: toWire(carried),
    gross: { in: toWire(gross.in), out: toWire(gross.out) },
    fees: toWire(fees),
    net: toWire(netOf(batch)),
    ...(payouts[0] === undefined ? {} : { payout: payouts[0].id }),
    payouts: payouts.map(wireOfPayout),
    state,
    closedAt: toRfc3339(closedAt),
    version,
  }
}
