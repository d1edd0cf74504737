import type { Clock, Instant } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import { type Destination, enqueueDelivery } from '../../platform/deliveries.ts'
import type { Event } from '../../platform/outbox.ts'
import { ENDPOINTS_PER_MEMBER_MAX, type MemberEvent, messageOf, wants } from './model.ts'
import { insertMemberEvent, lockMember, selectEndpoint, selectEndpoints } from './store.ts'

/** Keeps an event for each member it concerns and queues it for the endpoints that want it, all in one transaction. */
export async function tellMembers(sql: Sql, clock: Clock, { id, type, at, data, members }: Event): Promise<void> {
  for (const member of new Set(members)) {
    const sequence = await lockMember(sql, member, 1)
    const event: MemberEvent = { id, member, sequence, type, at: at as Instant, data }
    await insertMemberEvent(sql, event)
    for (const endpoint of await selectEndpoints(sql, member, '', ENDPOINTS_PER_MEMBER_MAX)) {
      if (wants(endpoint, type)) await enqueueDelivery(sql, clock, endpoint.id, (count) => messageOf(event, count))
    }
  }
}

/** Where an endpoint's messages go; null once its member removed it. */
export async function destinationOf(sql: Sql, endpoint: string): Promise<Destination | null> {
  const found = await selectEndpoint(sql, endpoint)
  return found === null ? null : { url: found.url, keys: [{ scheme: 'v1', secret: found.secret }] }
}
