import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { readLimit } from '../../platform/wire.ts'
import { creditLineOnWire } from './presenters.ts'
import type { Reads } from './reads.ts'
import { actorOf, keyedRequestOf } from './requests.ts'
import { ById, CreditLineBody, CreditLineOnWire, CreditLinesOnWire, VersionsQuery } from './schema.ts'
import type { Service } from './service.ts'

/** How far below zero an account may go is an operator's to say; each time is a version. */
export function creditRoutes(service: Service, reads: Reads): readonly ServiceRoute[] {
  return [
    route({
      method: 'post',
      path: '/v1/accounts/:id/credit-lines',
      operationId: 'setCreditLine',
      summary:
        'Sets how far below zero an account may go; a lower line than what is used stops debits, and takes nothing back',
      callers: ['operator'],
      params: ById,
      body: CreditLineBody,
      answers: { 201: CreditLineOnWire },
      run: (call) =>
        service.execute(call.signal, {
          kind: 'credit_line',
          request: keyedRequestOf(call),
          by: actorOf(call.passport.principal),
          account: call.params.id,
          amount: readLimit(call.body.creditLine, '/creditLine'),
          reason: call.body.reason,
        }),
    }),
    route({
      method: 'get',
      path: '/v1/accounts/:id/credit-lines',
      operationId: 'listCreditLines',
      summary: 'The credit lines that an account has had, newest first',
      callers: ['operator'],
      params: ById,
      query: VersionsQuery,
      answers: { 200: CreditLinesOnWire },
      async run({ params, query, passport }) {
        const lines = await reads.creditLines(params.id, actorOf(passport.principal), query)
        return { status: 200, body: { ...lines, items: lines.items.map(creditLineOnWire) } }
      },
    }),
  ]
}
