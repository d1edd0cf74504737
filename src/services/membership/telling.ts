import type { Clock, Instant } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import type { Destination } from '../../platform/deliveries.ts'
import { enqueueDeliveries } from '../../platform/delivery-queue.ts'
import type { Event } from '../../platform/outbox.ts'
import { selectOldSecrets } from './endpoint-store.ts'
import { type MemberEvent, messageOf, wants } from './model.ts'
import { insertMemberEvents, type NewEvent, selectEndpoint, selectEndpointsOf, selectHeads } from './store.ts'

/** Something that happened, and to whom. */
export type Told = Omit<MemberEvent, 'member' | 'sequence'> & { readonly members: readonly string[] }

/** Keeps events for each member they concern and queues them for the endpoints that want them, all in one transaction. */
export function tellMembers(sql: Sql, clock: Clock, events: readonly Event[]): Promise<void> {
  return tell(
    sql,
    clock,
    events.map(({ id, members, type, at, data }) => ({ id, members, type, at: at as Instant, data })),
  )
}

/** Tells members, each in this order, in as many statements for all as for one. */
export async function tell(sql: Sql, clock: Clock, told: readonly Told[]): Promise<void> {
  const members = [...new Set(told.flatMap((event) => event.members))]
  if (members.length === 0) return
  const events = withFollowing(told.filter((event) => event.members.length > 0))
  await insertMemberEvents(sql, events)
  const endpoints = Map.groupBy(await selectEndpointsOf(sql, members), ({ member }) => member)
  if (endpoints.size === 0) return
  const heads = await selectHeads(sql, [...endpoints.keys()])
  const messages = events.flatMap(({ listeners, ...event }) =>
    listeners.flatMap(({ member, following }) => {
      const sequence = (heads.get(member) ?? 0n) - BigInt(following)
      return (endpoints.get(member) ?? [])
        .filter((endpoint) => wants(endpoint, event.type))
        .map(({ id }) => ({ endpoint: id, body: (nth: bigint) => messageOf({ ...event, sequence }, nth) }))
    }),
  )
  await enqueueDeliveries(sql, clock, messages)
}

/** Each with how many of the others come after it, of each of its members. */
function withFollowing(told: readonly Told[]): readonly NewEvent[] {
  const following = new Map<string, number>()
  const count = (member: string): number => {
    const before = following.get(member) ?? 0
    following.set(member, before + 1)
    return before
  }
  return told
    .toReversed()
    .map(({ members, ...event }) => {
      return { ...event, listeners: [...new Set(members)].map((member) => ({ member, following: count(member) })) }
    })
    .reverse()
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
