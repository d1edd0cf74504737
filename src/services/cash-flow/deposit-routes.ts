import type { Clock } from '../../kernel/clock.ts'
import { derivedId, newId } from '../../kernel/id.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { readAmount } from '../../platform/wire.ts'
import { actorOf, keyedRequestOf, timeOf } from './requests.ts'
import { DepositBody, DepositOnWire } from './schema.ts'
import type { Service } from './service.ts'

export function depositRoute(service: Service, clock: Clock): ServiceRoute {
  return route({
    method: 'post',
    path: '/v1/deposits',
    operationId: 'deposit',
    summary: 'Brings money from the outside into an account',
    callers: ['operator', 'service'],
    body: DepositBody,
    answers: { 201: DepositOnWire },
    async run(call) {
      const { body, passport } = call
      const request = keyedRequestOf(call)
      return service.execute(call.signal, {
        kind: 'deposit',
        request,
        by: actorOf(passport.principal),
        deposit: request === null ? newId('deposit', clock.now()) : derivedId('deposit', request.owner, request.key),
        account: body.account,
        amount: readAmount(body.amount, '/amount'),
        reference: body.reference,
        receipt: passport.receipt,
        effectiveAt: timeOf(body.effectiveAt, 'body/effectiveAt'),
      })
    },
  })
}
