import type { Static } from 'typebox'
import { assert } from '../../kernel/assert.ts'
import type { Clock } from '../../kernel/clock.ts'
import { newId } from '../../kernel/id.ts'
import { parseIdempotencyKey } from '../../kernel/idempotency-key.ts'
import { legIdsOf, operationIdBeside, transferIdOf } from '../../kernel/operation-id.ts'
import { Problem } from '../../kernel/problem.ts'
import type { Passport } from '../../platform/passport.ts'
import { type Answer, route, type ServiceRoute } from '../../platform/service-route.ts'
import { readAmount, readMoved } from '../../platform/wire.ts'
import type { TransferCommand } from './commands.ts'
import type { Mailbox } from './mailbox.ts'
import { transferOnWire } from './presenters.ts'
import type { Reads } from './reads.ts'
import { actorOf, keyedRequestOf, malformedKey, prefersAsync, timeOf } from './requests.ts'
import {
  ById,
  CaptureBody,
  OperationBegun,
  ReversalBody,
  TransferBody,
  TransferOnWire,
  TransfersOnWire,
  TransfersQuery,
} from './schema.ts'
import type { Service } from './service.ts'

export type TransferRoutesDeps = {
  readonly service: Service
  readonly reads: Reads
  readonly clock: Clock
  readonly mailbox: Mailbox
  /** A command was accepted, to be run in the background. */
  readonly onAccepted: () => void
}

export function transferRoutes(deps: TransferRoutesDeps): readonly ServiceRoute[] {
  return [transferRoute(deps), ...readRoutes(deps), ...changeRoutes(deps)]
}

function transferRoute({ service, reads, mailbox, onAccepted }: TransferRoutesDeps): ServiceRoute {
  return route({
    method: 'post',
    path: '/v1/transfers',
    operationId: 'transfer',
    summary:
      "Moves money from one of the caller's accounts to another account, or along several legs, all of them or none",
    body: TransferBody,
    answers: { 201: TransferOnWire, 202: OperationBegun },
    async run(call): Promise<Answer> {
      const { body, passport } = call
      const request = keyedRequestOf(call)
      if (request === null) throw new Problem('idempotency_key_required')
      const accept = prefersAsync(call)
      const transfer = transferIdOf(request.owner, request.key)
      const operation = operationIdBeside(transfer)
      const parts = partsOf(transfer, body)
      const isKnown = () => reads.isOperation(operation)
      if (accept) await mailbox.admit({ owner: request.owner, from: parts.from, isKnown })
      const answer = await service.execute(call.signal, {
        kind: 'transfer',
        run: accept ? 'accept' : 'now',
        request,
        by: actorOf(passport.principal),
        transfer,
        operation,
        ...parts,
        terms: 'unknown', // until it is run
        reference: body.reference,
        pending: body.pending ?? false,
        hold: holdOf(passport),
        assessment: passport.assessment?.id ?? null,
        receipt: passport.receipt,
      })
      if (accept) onAccepted()
      return answer
    },
  })
}

/** What is to move, and from where to where. @throws Problem `validation_failed`, `currency_mismatch` */
function partsOf(
  transfer: string,
  body: Static<typeof TransferBody>,
): Pick<TransferCommand, 'from' | 'to' | 'amount' | 'legs'> {
  const amount = readMoved(body)
  const { legs: parts = [] } = body
  const ids = legIdsOf(transfer, parts.length)
  const legs = parts.map((leg, index) => {
    const id = ids[index] ?? ''
    return { id, from: leg.from, to: leg.to, amount: readAmount(leg.amount, `/legs/${index}/amount`) }
  })
  const { from, to } = legs[0] ?? body
  assert(from !== undefined && to !== undefined, 'the schema asks for ends where there are no legs')
  return { from, to, amount, legs }
}

/** What risk control asks for: money reserved until a review decides. */
function holdOf({ assessment }: Passport): TransferCommand['hold'] {
  return assessment?.outcome === 'hold' ? { lastsMs: assessment.holdMs ?? null } : null
}

function readRoutes({ reads }: TransferRoutesDeps): readonly ServiceRoute[] {
  return [
    route({
      method: 'get',
      path: '/v1/transfers',
      operationId: 'findTransfer',
      summary: "The transfer that was made under one of the caller's Idempotency-Keys, or none",
      query: TransfersQuery,
      answers: { 200: TransfersOnWire },
      async run({ query, passport }) {
        const parsed = parseIdempotencyKey(query.idempotencyKey)
        if (parsed.kind !== 'key') throw malformedKey()
        const found = await reads.transferOfKey(actorOf(passport.principal), parsed.key)
        return {
          status: 200,
          body: { items: found === null ? [] : [transferOnWire(found.transfer, found.legs)], next: null },
        }
      },
    }),
    route({
      method: 'get',
      path: '/v1/transfers/:id',
      operationId: 'readTransfer',
      summary: 'A transfer as it stands',
      callers: ['member', 'operator', 'service'],
      params: ById,
      answers: { 200: TransferOnWire },
      async run({ params, passport }) {
        const { transfer, legs } = await reads.transfer(params.id, actorOf(passport.principal))
        return { status: 200, body: transferOnWire(transfer, legs) }
      },
    }),
  ]
}

function changeRoutes({ service, clock }: TransferRoutesDeps): readonly ServiceRoute[] {
  return [
    route({
      method: 'post',
      path: '/v1/transfers/:id/capture',
      operationId: 'captureTransfer',
      summary: 'Posts a pending transfer, all of it or part; the rest is released',
      params: ById,
      body: CaptureBody,
      answers: { 200: TransferOnWire },
      run: (call) =>
        service.execute(call.signal, {
          kind: 'capture',
          request: keyedRequestOf(call),
          by: actorOf(call.passport.principal),
          transfer: call.params.id,
          amount: call.body.amount === undefined ? null : readAmount(call.body.amount, '/amount'),
        }),
    }),
    route({
      method: 'post',
      path: '/v1/transfers/:id/void',
      operationId: 'voidTransfer',
      summary: 'Releases what a pending transfer holds',
      params: ById,
      answers: { 200: TransferOnWire },
      run: (call) =>
        service.execute(call.signal, {
          kind: 'void',
          request: keyedRequestOf(call),
          by: actorOf(call.passport.principal),
          transfer: call.params.id,
        }),
    }),
    route({
      method: 'post',
      path: '/v1/transfers/:id/reverse',
      operationId: 'reverseTransfer',
      summary: 'Takes a posted transfer back by a new one the other way',
      params: ById,
      body: ReversalBody,
      answers: { 201: TransferOnWire },
      run: (call) =>
        service.execute(call.signal, {
          kind: 'reverse',
          request: keyedRequestOf(call),
          by: actorOf(call.passport.principal),
          transfer: call.params.id,
          reversal: newId('transfer', clock.now()),
          receipt: call.passport.receipt,
          effectiveAt: timeOf(call.body.effectiveAt, 'body/effectiveAt'),
        }),
    }),
  ]
}
