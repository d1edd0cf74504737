import { assert } from '../../kernel/assert.ts'
import { isCountry } from '../../kernel/country.ts'
import { isId } from '../../kernel/id.ts'
import { Problem } from '../../kernel/problem.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import { actorOf, versionedRoutes } from '../../platform/versioned-routes.ts'
import { resourceAnswer, versionedAnswers } from '../../platform/versioned-wire.ts'
import { deliveryRoutes } from './delivery-routes.ts'
import { endpointRoutes } from './endpoint-routes.ts'
import { unknownCountry } from './errors.ts'
import { eventRoutes } from './event-routes.ts'
import { isThere } from './member-fields.ts'
import { revocationRoutes } from './revocation-routes.ts'
import type { Revocations } from './revocations.ts'
import {
  ErasureRequest,
  MemberChange,
  MemberFields,
  MemberParams,
  type MemberRecord,
  WireMemberFields,
} from './schema.ts'
import type { MembershipService } from './service.ts'

/** Members, the endpoints they are told at, the events they were told of, and the tokens that were taken back. */
export function membershipRoutes(service: MembershipService, revocations: Revocations): ServiceRoute[] {
  return [
    ...memberRoutes(service),
    erasureRoute(service),
    ...endpointRoutes(service),
    ...deliveryRoutes(service),
    ...eventRoutes(service),
    ...revocationRoutes(revocations),
  ]
}

function memberRoutes({ members }: MembershipService): ServiceRoute[] {
  return versionedRoutes<MemberRecord, MemberRecord>({
    kind: 'member',
    noun: 'Member',
    path: '/v1/members',
    schemas: { creation: MemberFields, change: MemberChange, fields: WireMemberFields },
    service: members,
    complete,
    creators: ['member', 'operator'], // who holds `members:write`; a member's usual token does not
    changers: ['member', 'operator'],
    isVisible: (principal, id) => principal.kind !== 'member' || principal.member === id,
  })
}

function erasureRoute({ erase }: MembershipService): ServiceRoute {
  return route({
    method: 'post',
    path: '/v1/members/:id/erase',
    operationId: 'eraseMember',
    summary: "Destroy the member's key: no version of the record tells of a person any more",
    callers: ['operator'],
    params: MemberParams,
    body: ErasureRequest,
    answers: { 200: versionedAnswers(WireMemberFields).Resource },
    async run({ params: { id }, body: { reason }, passport }) {
      const erased = isId('member', id) ? await erase(id, actorOf(passport.principal), reason) : null
      if (erased === null) throw new Problem('not_found')
      return resourceAnswer(200, erased)
    },
  })
}

function complete(fields: MemberRecord): MemberRecord {
  assert(isThere(fields), 'nothing is changed in what was erased')
  if (!isCountry(fields.country)) throw unknownCountry()
  return fields
}
