import { toRfc3339 } from '../../kernel/clock.ts'
import { isId } from '../../kernel/id.ts'
import { Problem } from '../../kernel/problem.ts'
import { limitOf, pageOf } from '../../platform/page.ts'
import type { Principal } from '../../platform/passport.ts'
import { route, type ServiceRoute } from '../../platform/service-route.ts'
import type { MemberEvent } from './model.ts'
import { EventsQuery, MemberEvents } from './schema.ts'
import type { MembershipService } from './service.ts'

/** A member's own events, to catch up after a gap. */
export function eventRoutes(service: MembershipService): ServiceRoute[] {
  return [
    route({
      method: 'get',
      path: '/v1/events',
      operationId: 'listEvents',
      summary: "The member's events after a cursor, in order; an operator names the member",
      query: EventsQuery,
      answers: { 200: MemberEvents },
      async run({ query, passport }) {
        const member = memberAsked(passport.principal, query.member)
        const limit = limitOf(query.limit)
        const events = await service.listEvents(member, BigInt(query.after ?? '0'), limit + 1)
        return { status: 200, body: pageOf(events, limit, cursorOf, eventOnWire) }
      },
    }),
  ]
}

function memberAsked(principal: Principal, asked: string | undefined): string {
  const member = asked ?? (principal.kind === 'member' ? principal.member : undefined)
  if (member === undefined) throw new Problem('validation_failed', { detail: 'query/member: required of an operator' })
  const isReachable = isId('member', member) && (principal.kind !== 'member' || principal.member === member)
  if (!isReachable) throw new Problem('not_found')
  return member
}

function cursorOf({ sequence }: MemberEvent): string {
  return sequence.toString()
}

export function eventOnWire(event: MemberEvent) {
  const { id, type, at, data } = event
  return { id, type, timestamp: toRfc3339(at), cursor: cursorOf(event), data }
}
