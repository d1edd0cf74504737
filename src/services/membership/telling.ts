import type { Clock, Instant } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import type { Destination } from '../../platform/deliveries.ts'
import { enqueueDeliveries } from '../../platform/delivery-queue.ts'
import type { Event } from '../../platform/outbox.ts'
import { selectOldSecrets } from './endpoint-store.ts'
import { type MemberEvent, messageOf, wants } from './model.ts'
import { insertMemberEvents, lockMembers, selectEndpoint, selectEndpointsOf } from './store.ts'

/** What one member is told. */
export type Told = Omit<MemberEvent, 'sequence'>

/** Keeps events for each member they concern and queues them for the endpoints that want them, all in one transaction. */
export function tellMembers(sql: Sql, clock: Clock, events: readonly Event[]): Promise<void> {
  const told = events.flatMap(({ id, members, type, at, data }) =>
    [...new Set(members)].map((member) => ({ id, member, type, at: at as Instant, data })),
  )
  return tell(sql, clock, told)
}

/** Tells members, each in this order, in as many statements for all as for one. */
export async function tell(sql: Sql, clock: Clock, told: readonly Told[]): Promise<void> {
  if (told.length === 0) return
  const counts = new Map<string, number>()
  for (const { member } of told) counts.set(member, (counts.get(member) ?? 0) + 1)
  const last = await lockMembers(sql, counts)
  const next = new Map([...counts].map(([member, count]) => [member, (last.get(member) ?? 0n) - BigInt(count)]))
  const events = told.map((each): MemberEvent => {
    const sequence = (next.get(each.member) ?? 0n) + 1n
    next.set(each.member, sequence)
    return { ...each, sequence }
  })
  await insertMemberEvents(sql, events)
  const endpoints = Map.groupBy(await selectEndpointsOf(sql, [...counts.keys()]), ({ member }) => member)
  const messages = events.flatMap((event) =>
    (endpoints.get(event.member) ?? [])
      .filter((endpoint) => wants(endpoint, event.type))
      .map(({ id }) => ({ endpoint: id, body: (sequence: bigint) => messageOf(event, sequence) })),
  )
  await enqueueDeliveries(sql, clock, messages)
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
