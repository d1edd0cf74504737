import { fromRfc3339, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import { isId } from '../../kernel/id.ts'
import { Problem } from '../../kernel/problem.ts'
import { limitOf, pageOf } from '../../platform/page.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { actorOf } from '../../platform/versioned-routes.ts'
import { unmadeOf, unreadable } from './errors.ts'
import { noticeOf, type Revocation, type Revoked } from './model.ts'
import type { Revocations } from './revocations.ts'
import {
  InForceQuery,
  RevocationParams,
  RevocationRequest,
  RevocationsInForce,
  RevocationsQuery,
  WireRevocation,
  WireRevocations,
} from './schema.ts'

const path = '/v1/revocations'
const callers = ['operator'] as const
const IN_FORCE_PAGE = 1_000

/** Operators take tokens back, and see who did; the edges read what is in force. */
export function revocationRoutes(revocations: Revocations): ServiceRoute[] {
  return [makeRoute(revocations), ...readRoutes(revocations), liftRoute(revocations), inForceRoute(revocations)]
}

function makeRoute(revocations: Revocations): ServiceRoute {
  return route({
    method: 'post',
    path,
    operationId: 'revoke',
    summary: 'Take back one token (`jti`), or all that a subject (`sub`) was issued until now',
    callers,
    body: RevocationRequest,
    answers: { 201: WireRevocation },
    async run({ body: { jti, sub, until, reason }, passport }) {
      const outcome = await revocations.revoke(revokedBy(jti, sub), reason, readEnd(until), actorOf(passport.principal))
      if (outcome.kind !== 'revoked') throw unmadeOf(outcome)
      const { revocation } = outcome
      return { status: 201, headers: { location: `${path}/${revocation.id}` }, body: wireOf(revocation) }
    },
  })
}

function readRoutes(revocations: Revocations): ServiceRoute[] {
  return [
    route({
      method: 'get',
      path,
      operationId: 'listRevocations',
      summary: 'All revocations that were ever made, newest first',
      callers,
      query: RevocationsQuery,
      answers: { 200: WireRevocations },
      async run({ query }) {
        const limit = limitOf(query.limit)
        const found = await revocations.list(query.cursor ?? '', limit + 1)
        return { status: 200, body: pageOf(found, limit, ({ id }) => id, wireOf) }
      },
    }),
    route({
      method: 'get',
      path: `${path}/:id`,
      operationId: 'readRevocation',
      summary: 'One revocation, with who made and who lifted it',
      callers,
      params: RevocationParams,
      answers: { 200: WireRevocation },
      async run({ params: { id } }) {
        const revocation = isId('revocation', id) ? await revocations.read(id) : null
        if (revocation === null) throw new Problem('not_found')
        return { status: 200, body: wireOf(revocation) }
      },
    }),
  ]
}

function liftRoute(revocations: Revocations): ServiceRoute {
  return route({
    method: 'delete',
    path: `${path}/:id`,
    operationId: 'liftRevocation',
    summary: 'Lift a revocation: the tokens are good again; it stays on record',
    callers,
    params: RevocationParams,
    answers: { 204: null },
    async run({ params: { id }, passport }) {
      const lifted = isId('revocation', id) && (await revocations.lift(id, actorOf(passport.principal)))
      if (!lifted) throw new Problem('not_found')
      return { status: 204 }
    },
  })
}

function inForceRoute(revocations: Revocations): ServiceRoute {
  return route({
    method: 'get',
    path: '/internal/revocations',
    operationId: 'listRevocationsInForce',
    summary:
      'What is in force, oldest first, and from where in the feed to go on; the first page has the `seq` that counts',
    callers: ['service'],
    query: InForceQuery,
    answers: { 200: RevocationsInForce },
    async run({ query }) {
      const { seq, found } = await revocations.listInForce(query.cursor ?? '', IN_FORCE_PAGE + 1)
      return { status: 200, body: { seq: seq.toString(), ...pageOf(found, IN_FORCE_PAGE, ({ id }) => id, noticeOf) } }
    },
  })
}

function revokedBy(jti: string | undefined, sub: string | undefined): Revoked {
  if ((jti === undefined) === (sub === undefined)) throw unreadable('', 'takes either a jti or a sub')
  return { jti: jti ?? null, sub: sub ?? null }
}

function readEnd(until: string | undefined): Instant | null {
  if (until === undefined) return null
  const end = fromRfc3339(until)
  if (end === null) throw unreadable('/until', 'is not a time in RFC 3339')
  return end
}

function wireOf(revocation: Revocation) {
  const { reason, actor, lifted } = revocation
  return {
    ...noticeOf(revocation),
    version: lifted === null ? 1 : 2,
    reason,
    actor,
    lifted: lifted === null ? null : { actor: lifted.actor, at: toRfc3339(lifted.at) },
  }
}
