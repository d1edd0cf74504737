import { toRfc3339 } from '../../kernel/clock.ts'
import { isId } from '../../kernel/id.ts'
import { Problem } from '../../kernel/problem.ts'
import { ExportPart } from '../../platform/export-document.ts'
import type { KeyRing } from '../../platform/key-file.ts'
import { limitOf, pageOf } from '../../platform/page.ts'
import type { Principal } from '../../platform/passport.ts'
import { actorFor } from '../../platform/person.ts'
import { remarkHeaders } from '../../platform/receipt-remark.ts'
import { Nothing, route, type ServiceRoute } from '../../platform/service-route.ts'
import { actorOf } from '../../platform/versioned-routes.ts'
import { notKept, unbegunOf } from './errors.ts'
import { exportKeys } from './export-keys.ts'
import type { ExportOutcome, PersonExport } from './export-model.ts'
import {
  ExportKeys,
  ExportParams,
  ExportsQuery,
  OperatorExportRequest,
  PartParams,
  WireExport,
  WireExports,
} from './export-schema.ts'
import type { Exports } from './exports.ts'
import { MemberParams } from './schema.ts'

const path = '/v1/exports'
const ASK_AGAIN_S = '2'

/** A person's right to know what is held on them; and, with a reason that stays, that of those who answer for it. */
export function exportRoutes(exports: Exports, keys: KeyRing): ServiceRoute[] {
  return [...beginRoutes(exports), ...readRoutes(exports), partRoute(exports), keysRoute(keys)]
}

function beginRoutes({ begin }: Exports): ServiceRoute[] {
  return [
    route({
      method: 'post',
      path,
      operationId: 'exportOwn',
      summary: 'Begin to gather all that the platform holds on the member who asks, as far as they may be told',
      callers: ['member'],
      body: Nothing,
      answers: { 202: WireExport },
      async run({ passport: { principal } }) {
        if (principal.kind !== 'member') throw new Problem('not_found')
        const { member } = principal
        const outcome = await begin({ member, audience: 'member', requestedBy: actorOf(principal), reason: null })
        return begun(outcome, principal)
      },
    }),
    route({
      method: 'post',
      path: '/v1/members/:id/exports',
      operationId: 'exportMember',
      summary: 'Begin to gather what is held on a member: for the `member`, or for an `operator` alone',
      callers: ['operator'],
      params: MemberParams,
      body: OperatorExportRequest,
      answers: { 202: WireExport },
      async run({ params: { id }, body, passport: { principal } }) {
        if (!isId('member', id)) throw new Problem('not_found')
        return begun(await begin({ member: id, ...body, requestedBy: actorOf(principal) }), principal)
      },
    }),
  ]
}

function begun(outcome: ExportOutcome, principal: Principal) {
  if (outcome.kind !== 'begun') throw unbegunOf(outcome)
  const { exported } = outcome
  const headers = { location: `${path}/${exported.id}`, 'retry-after': ASK_AGAIN_S, ...remarkOn(exported, principal) }
  return { status: 202, headers, body: exportOnWire(exported, principal) }
}

function readRoutes({ read, list }: Exports): ServiceRoute[] {
  return [
    route({
      method: 'get',
      path,
      operationId: 'listExports',
      summary: "Exports that were asked for, newest first: the member's own, or any; an operator may name the member",
      query: ExportsQuery,
      answers: { 200: WireExports },
      async run({ query, passport: { principal } }) {
        const limit = limitOf(query.limit)
        const own = principal.kind === 'member' ? principal.member : null
        if (own !== null && query.member !== undefined && query.member !== own) throw new Problem('not_found')
        const of = { member: own ?? query.member ?? null, audience: own === null ? null : ('member' as const) }
        const found = await list(of, query.cursor ?? null, limit + 1)
        const wire = (exported: PersonExport) => exportOnWire(exported, principal)
        return { status: 200, body: pageOf(found, limit, ({ id }) => id, wire) }
      },
    }),
    route({
      method: 'get',
      path: `${path}/:id`,
      operationId: 'readExport',
      summary: 'How far an export is; once it is `ready`, with the seal over all of its parts',
      params: ExportParams,
      answers: { 200: WireExport },
      async run({ params: { id }, passport: { principal } }) {
        const exported = visible(await read(id), principal)
        return { status: 200, headers: noStore, body: exportOnWire(exported, principal) }
      },
    }),
  ]
}

function partRoute({ read, part }: Exports): ServiceRoute {
  return route({
    method: 'get',
    path: `${path}/:id/parts/:number`,
    operationId: 'readExportPart',
    summary: 'One part of an export that is ready, from 1 on',
    params: PartParams,
    answers: { 200: ExportPart },
    async run({ params: { id, number }, passport: { principal } }) {
      const exported = visible(await read(id), principal)
      if (exported.state !== 'ready') throw notKept(exported)
      const found = await part(exported, Number(number))
      if (found === null) throw new Problem('not_found')
      return { status: 200, headers: { ...noStore, ...remarkOn(exported, principal) }, body: found }
    },
  })
}

function keysRoute(keys: KeyRing): ServiceRoute {
  return route({
    method: 'get',
    path: '/v1/export-keys',
    operationId: 'listExportKeys',
    summary: 'The public keys (JWKS) by which anybody verifies the seal of an export',
    callers: ['anonymous', 'member', 'operator'],
    answers: { 200: ExportKeys },
    run: async () => ({ status: 200, body: { keys: exportKeys(keys) } }),
  })
}

const noStore = { 'cache-control': 'no-store' }

/** Another member's is not there, and neither is what was gathered for operators. @throws Problem `not_found` */
function visible(exported: PersonExport | null, principal: Principal): PersonExport {
  const isVisible =
    principal.kind !== 'member' || (exported?.member === principal.member && exported.audience === 'member')
  if (exported === null || !isVisible) throw new Problem('not_found')
  return exported
}

/** An operator who looks at what is held on a person leaves that in the receipt. */
function remarkOn({ id, member, audience }: PersonExport, principal: Principal): Record<string, string> {
  return principal.kind === 'operator' ? remarkHeaders({ export: id, member, audience, by: actorOf(principal) }) : {}
}

function exportOnWire(exported: PersonExport, principal: Principal) {
  const { id, member, audience, state, requestedBy, reason, requestedAt, steps, step, error } = exported
  const { parts, items, endedAt, expiresAt, seal } = exported
  const isOperator = principal.kind === 'operator'
  return {
    ...{ id, member, audience, state },
    requestedBy: actorFor(isOperator ? 'operator' : 'member', requestedBy),
    ...(isOperator && reason !== null ? { reason } : {}),
    requestedAt: toRfc3339(requestedAt),
    steps: steps?.length ?? null,
    done: step,
    ...(isOperator && error !== null ? { error } : {}),
    ...{ parts, items },
    endedAt: endedAt === null ? null : toRfc3339(endedAt),
    expiresAt: expiresAt === null ? null : toRfc3339(expiresAt),
    seal,
    version: 1 + (steps === null ? 0 : 1) + step + (state === 'running' ? 0 : 1),
  }
}
