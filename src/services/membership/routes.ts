import type { ServiceRoute } from '../../platform/service-route.ts'
import { versionedRoutes } from '../../platform/versioned-routes.ts'
import { isCountry } from './country.ts'
import { endpointRoutes } from './endpoint-routes.ts'
import { unknownCountry } from './errors.ts'
import { eventRoutes } from './event-routes.ts'
import { revocationRoutes } from './revocation-routes.ts'
import type { Revocations } from './revocations.ts'
import { MemberChange, MemberFields } from './schema.ts'
import type { MembershipService } from './service.ts'

/** Members, the endpoints they are told at, the events they were told of, and the tokens that were taken back. */
export function membershipRoutes(service: MembershipService, revocations: Revocations): ServiceRoute[] {
  return [
    ...memberRoutes(service),
    ...endpointRoutes(service),
    ...eventRoutes(service),
    ...revocationRoutes(revocations),
  ]
}

function memberRoutes({ members }: MembershipService): ServiceRoute[] {
  return versionedRoutes({
    kind: 'member',
    noun: 'Member',
    path: '/v1/members',
    schemas: { creation: MemberFields, change: MemberChange, fields: MemberFields },
    service: members,
    complete,
    creators: ['member', 'operator'], // who holds `members:write`; a member's usual token does not
    changers: ['member', 'operator'],
    isVisible: (principal, id) => principal.kind !== 'member' || principal.member === id,
  })
}

function complete(fields: MemberFields): MemberFields {
  if (!isCountry(fields.country)) throw unknownCountry()
  return fields
}
