import type { Clock, Instant } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import { type Destination, enqueueDelivery } from '../../platform/deliveries.ts'
import type { Event } from '../../platform/outbox.ts'
import { selectOldSecrets } from './endpoint-store.ts'
import { ENDPOINTS_PER_MEMBER_MAX, type MemberEvent, messageOf, wants } from './model.ts'
import { insertMemberEvent, lockMember, selectEndpoint, selectEndpoints } from './store.ts'

/** Keeps an event for each member it concerns and queues it for the endpoints that want it, all in one transaction. */
export async function tellMembers(sql: Sql, clock: Clock, { members, ...event }: Event): Promise<void> {
  for (const member of new Set(members)) await tellMember(sql, clock, member, { ...event, at: event.at as Instant })
}

export async function tellMember(
  sql: Sql,
  clock: Clock,
  member: string,
  { id, type, at, data }: Pick<MemberEvent, 'id' | 'type' | 'at' | 'data'>,
): Promise<void> {
  const sequence = await lockMember(sql, member, 1)
  const event: MemberEvent = { id, member, sequence, type, at, data }
  await insertMemberEvent(sql, event)
  for (const endpoint of await selectEndpoints(sql, member, '', ENDPOINTS_PER_MEMBER_MAX)) {
    if (wants(endpoint, type)) await enqueueDelivery(sql, clock, endpoint.id, (count) => messageOf(event, count))
  }
}

/** Where an endpoint's messages go, and all secrets that sign them; null once its member removed it. */
export function destinationAt(clock: Clock) {
  return async (sql: Sql, endpoint: string): Promise<Destination | null> => {
    const found = await selectEndpoint(sql, endpoint)
    if (found === null) return null
    const secrets = [found.secret, ...(await selectOldSecrets(sql, endpoint, clock.now()))]
    return { url: found.url, keys: secrets.map((secret) => ({ scheme: 'v1', secret })) }
  }
}
