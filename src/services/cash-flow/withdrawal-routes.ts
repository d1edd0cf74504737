import type { Clock } from '../../kernel/clock.ts'
import { derivedId, newId } from '../../kernel/id.ts'
import { type Call, route, type ServiceRoute } from '../../platform/service-route.ts'
import { readAmount } from '../../platform/wire.ts'
import type { EndWithdrawalCommand } from './commands.ts'
import { withdrawalOnWire } from './presenters.ts'
import type { Reads } from './reads.ts'
import { actorOf, keyedRequestOf } from './requests.ts'
import {
  ById,
  ConfirmBody,
  ReturnBody,
  VersionsQuery,
  WithdrawalBody,
  WithdrawalOnWire,
  WithdrawalsOnWire,
} from './schema.ts'
import type { Service } from './service.ts'

export function withdrawalRoutes(service: Service, reads: Reads, clock: Clock): readonly ServiceRoute[] {
  return [withdrawRoute(service, clock), ...readRoutes(reads), ...endRoutes(service, clock)]
}

function withdrawRoute(service: Service, clock: Clock): ServiceRoute {
  return route({
    method: 'post',
    path: '/v1/withdrawals',
    operationId: 'withdraw',
    summary: 'Takes money out of an account, into transit to the outside',
    callers: ['operator', 'service'],
    body: WithdrawalBody,
    answers: { 201: WithdrawalOnWire },
    async run(call) {
      const { body, passport } = call
      const request = keyedRequestOf(call)
      return service.execute(call.signal, {
        kind: 'withdraw',
        request,
        by: actorOf(passport.principal),
        withdrawal:
          request === null ? newId('withdrawal', clock.now()) : derivedId('withdrawal', request.owner, request.key),
        member: body.member ?? null,
        account: body.account,
        amount: readAmount(body.amount, '/amount'),
        reference: body.reference,
        receipt: passport.receipt,
      })
    },
  })
}

function readRoutes(reads: Reads): readonly ServiceRoute[] {
  return [
    route({
      method: 'get',
      path: '/v1/withdrawals',
      operationId: 'listWithdrawalsInTransit',
      summary: 'The withdrawals that the bank has neither confirmed nor returned, oldest first',
      callers: ['operator'],
      query: VersionsQuery,
      answers: { 200: WithdrawalsOnWire },
      async run({ query }) {
        const { items, next } = await reads.withdrawalsInTransit(query)
        return { status: 200, body: { items: items.map(withdrawalOnWire), next } }
      },
    }),
    route({
      method: 'get',
      path: '/v1/withdrawals/:id',
      operationId: 'readWithdrawal',
      summary: 'A withdrawal as it stands',
      callers: ['member', 'operator', 'service'],
      params: ById,
      answers: { 200: WithdrawalOnWire },
      async run({ params, passport }) {
        return { status: 200, body: withdrawalOnWire(await reads.withdrawal(params.id, actorOf(passport.principal))) }
      },
    }),
  ]
}

function endRoutes(service: Service, clock: Clock): readonly ServiceRoute[] {
  const end = (call: Call<{ id: string }>, outcome: EndWithdrawalCommand['outcome'], reference: string) =>
    service.execute(call.signal, {
      kind: 'end_withdrawal',
      request: keyedRequestOf(call),
      by: actorOf(call.passport.principal),
      transfer: call.params.id,
      end: newId('transfer', clock.now()),
      outcome,
      reference,
      receipt: call.passport.receipt,
    })
  return [
    route({
      method: 'post',
      path: '/v1/withdrawals/:id/confirm',
      operationId: 'confirmWithdrawal',
      summary: 'The bank has paid the withdrawal; `reference` is its own. What a service made it ends itself',
      callers: ['operator', 'service'],
      params: ById,
      body: ConfirmBody,
      answers: { 200: WithdrawalOnWire },
      run: (call) => end(call, 'confirmed', call.body.reference),
    }),
    route({
      method: 'post',
      path: '/v1/withdrawals/:id/return',
      operationId: 'returnWithdrawal',
      summary:
        'The bank has given the withdrawal back; the money is on the account again. What a service made it ends itself',
      callers: ['operator', 'service'],
      params: ById,
      body: ReturnBody,
      answers: { 200: WithdrawalOnWire },
      run: (call) => end(call, 'returned', call.body.reason),
    }),
  ]
}
