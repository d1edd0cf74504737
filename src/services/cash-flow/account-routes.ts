import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { accountOnWire } from './presenters.ts'
import type { Reads } from './reads.ts'
import { actorOf } from './requests.ts'
import { AccountOnWire, AccountQuery, ById, EntriesOnWire, EntriesQuery, NewAccountBody } from './schema.ts'
import type { Service } from './service.ts'

export function accountRoutes(service: Service, reads: Reads): readonly ServiceRoute[] {
  return [
    route({
      method: 'post',
      path: '/v1/accounts',
      operationId: 'openAccount',
      summary: 'Opens an account of a member under a product',
      body: NewAccountBody,
      answers: { 201: AccountOnWire },
      async run({ body, passport }) {
        const { account, balance } = await service.openAccount(actorOf(passport.principal), body)
        return {
          status: 201,
          headers: { location: `/v1/accounts/${account.id}` },
          body: accountOnWire(account, balance),
        }
      },
    }),
    route({
      method: 'get',
      path: '/v1/accounts/:id',
      operationId: 'readAccount',
      summary: 'An account with its balances, now or as known at a time or a version, and effective at a time',
      callers: ['member', 'operator', 'service'],
      params: ById,
      query: AccountQuery,
      answers: { 200: AccountOnWire },
      async run({ params, query, passport }) {
        return { status: 200, body: await reads.account(params.id, actorOf(passport.principal), query) }
      },
    }),
    route({
      method: 'get',
      path: '/v1/accounts/:id/entries',
      operationId: 'listEntries',
      summary: 'The entries of an account, newest first',
      callers: ['member', 'operator', 'service'],
      params: ById,
      query: EntriesQuery,
      answers: { 200: EntriesOnWire },
      async run({ params, query, passport }) {
        return { status: 200, body: await reads.entries(params.id, actorOf(passport.principal), query) }
      },
    }),
  ]
}
