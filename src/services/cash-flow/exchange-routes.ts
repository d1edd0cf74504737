import { derivedId } from '../../kernel/id.ts'
import { Problem } from '../../kernel/problem.ts'
import { expectedVersion } from '../../platform/if-match.ts'
import { limitOf, pageOf } from '../../platform/page.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { readAmount } from '../../platform/wire.ts'
import { exchangeOnWire, rateOnWire } from './presenters.ts'
import type { Rates } from './rates.ts'
import { type Reads, versionOf } from './reads.ts'
import { actorOf, keyedRequestOf } from './requests.ts'
import { ById, ExchangeBody, ExchangeOnWire, RateBody, RateOnWire, RatesOnWire, VersionsQuery } from './schema.ts'
import type { Service } from './service.ts'

export function exchangeRoutes(service: Service, reads: Reads, rates: Rates): readonly ServiceRoute[] {
  return [...rateRoutes(rates), exchangeRoute(service, rates), readRoute(reads)]
}

const VERSION_MAX = 1_000_000_000_000

function rateRoutes(rates: Rates): readonly ServiceRoute[] {
  return [
    route({
      method: 'post',
      path: '/v1/exchange-rates',
      operationId: 'setRate',
      summary:
        'Sets what one unit of a currency gives in another, until a time; If-Match names the version that it follows',
      callers: ['operator'],
      body: RateBody,
      answers: { 201: RateOnWire },
      async run({ body, headers, passport }) {
        const set = await rates.set(body, expectedVersion(headers['if-match']), actorOf(passport.principal).id)
        return { status: 201, headers: { location: `/v1/exchange-rates/${set.pair}` }, body: rateOnWire(set) }
      },
    }),
    route({
      method: 'get',
      path: '/v1/exchange-rates/:id',
      operationId: 'listRates',
      summary:
        'The versions of the rate of a pair, such as USD-CNY, newest first: the first is the one that an exchange may name',
      params: ById,
      query: VersionsQuery,
      answers: { 200: RatesOnWire },
      async run({ params, query }) {
        const limit = limitOf(query.limit)
        const below = query.cursor === undefined ? VERSION_MAX : versionOf(query.cursor)
        const found = await rates.list(params.id, limit + 1, below)
        const cursorOf = ({ version }: { readonly version: number }) => Buffer.from(`v${version}`).toString('base64url')
        return { status: 200, body: pageOf(found, limit, cursorOf, rateOnWire) }
      },
    }),
  ]
}

function exchangeRoute(service: Service, rates: Rates): ServiceRoute {
  return route({
    method: 'post',
    path: '/v1/exchanges',
    operationId: 'exchange',
    summary:
      "Exchanges money between two of a member's accounts, at the version of the rate that was quoted and at no other",
    body: ExchangeBody,
    answers: { 201: ExchangeOnWire },
    async run(call) {
      const { body, passport } = call
      const request = keyedRequestOf(call)
      if (request === null) throw new Problem('idempotency_key_required')
      const idOf = (what: string) => derivedId('transfer', 'exchange', what, request.owner, request.key)
      return service.execute(call.signal, {
        kind: 'exchange',
        request,
        by: actorOf(passport.principal),
        exchange: derivedId('exchange', request.owner, request.key),
        transfers: { paid: idOf('paid'), received: idOf('received'), rounding: idOf('rounding') },
        from: body.from,
        to: body.to,
        amount: readAmount(body.amount, '/amount'),
        quoted: body.rate,
        newest: await rates.newest(body.rate.pair),
        reference: body.reference,
        receipt: passport.receipt,
      })
    },
  })
}

function readRoute(reads: Reads): ServiceRoute {
  return route({
    method: 'get',
    path: '/v1/exchanges/:id',
    operationId: 'readExchange',
    summary: 'An exchange with its transfers',
    callers: ['member', 'operator', 'service'],
    params: ById,
    answers: { 200: ExchangeOnWire },
    async run({ params, passport }) {
      return { status: 200, body: exchangeOnWire(await reads.exchange(params.id, actorOf(passport.principal))) }
    },
  })
}
