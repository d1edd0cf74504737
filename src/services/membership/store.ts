import { type Clock, toRfc3339 } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import type { KeyRing } from '../../platform/key-file.ts'
import { createVersionedRecords, type VersionedRecords } from '../../platform/versions.ts'
import { sealedFields } from './member-fields.ts'
import type { Endpoint, MemberEvent } from './model.ts'
import type { MemberRecord } from './schema.ts'
import { FIRST_STANDING, standingRecords } from './standings.ts'

export function createMemberStore(clock: Clock, ring: KeyRing): VersionedRecords<MemberRecord> {
  const [members, standings] = [
    createVersionedRecords('member', clock, sealedFields(clock, ring)),
    standingRecords(clock),
  ]
  return {
    ...members,
    async create(sql, id, fields, actor) {
      const first = await members.create(sql, id, fields, actor)
      await standings.create(sql, id, FIRST_STANDING, actor)
      return first
    },
  }
}

/** Whether there is a record of the member, erased or not. */
export async function hasMember(sql: Sql, member: string): Promise<boolean> {
  return (
    (await sql.query("SELECT FROM record_version WHERE kind = 'member' AND id = $1 AND version = 1", [member])).length >
    0
  )
}

/** Locks what is the member's until the transaction ends. */
export async function lockMember(sql: Sql, member: string): Promise<void> {
  await sql.query(
    `INSERT INTO member_head (member, sequence) VALUES ($1, 0)
     ON CONFLICT (member) DO UPDATE SET sequence = member_head.sequence`,
    [member],
  )
}

/** An event before it is numbered: for each member it concerns, how many of those that are kept with it come after it. */
export type NewEvent = Omit<MemberEvent, 'member' | 'sequence'> & {
  readonly listeners: readonly { readonly member: string; readonly following: number }[]
}

/**
 * Keeps events, each once, and for each of its members where it comes among theirs; locks what is theirs until the transaction
 * ends, in one order, so that no two who do so wait for each other.
 */
export async function insertMemberEvents(sql: Sql, events: readonly NewEvent[]): Promise<void> {
  const places = events.flatMap(({ id, listeners }) => listeners.map((listener) => ({ id, ...listener })))
  await sql.query(
    `WITH kept AS (
       INSERT INTO told_event (id, type, at, data) SELECT id, type, at::timestamptz, data::json
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS event (id, type, at, data)),
     place AS MATERIALIZED (
       SELECT id, member, following::bigint FROM unnest($5::text[], $6::text[], $7::text[]) AS place (id, member, following)),
     head AS (
       INSERT INTO member_head (member, sequence) SELECT member, count(*) FROM place GROUP BY member ORDER BY member
       ON CONFLICT (member) DO UPDATE SET sequence = member_head.sequence + EXCLUDED.sequence RETURNING member, sequence)
     INSERT INTO member_event (member, sequence, id)
     SELECT member, head.sequence - following, id FROM place JOIN head USING (member)`,
    [
      events.map(({ id }) => id),
      events.map(({ type }) => type),
      events.map(({ at }) => toRfc3339(at)),
      events.map(({ data }) => JSON.stringify(data)),
      places.map(({ id }) => id),
      places.map(({ member }) => member),
      places.map(({ following }) => `${following}`),
    ],
  )
}

/** The number of each one's newest event. */
export async function selectHeads(sql: Sql, members: readonly string[]): Promise<ReadonlyMap<string, bigint>> {
  const rows = await sql.query<{ member: string; sequence: bigint }>(
    'SELECT member, sequence FROM member_head WHERE member = ANY ($1::text[])',
    [members],
  )
  return new Map(rows.map(({ member, sequence }) => [member, sequence]))
}

/** Events with a number above `after`, oldest first. */
export function selectMemberEvents(sql: Sql, member: string, after: bigint, limit: number): Promise<MemberEvent[]> {
  return sql.query<MemberEvent>(
    `SELECT member, sequence, id, type, at, data FROM member_event JOIN told_event USING (id)
     WHERE member = $1 AND sequence > $2 ORDER BY sequence LIMIT $3`,
    [member, after, limit],
  )
}

export async function insertEndpoint(sql: Sql, endpoint: Endpoint): Promise<void> {
  const { id, member, url, events, secret, createdAt } = endpoint
  await sql.query(
    'INSERT INTO webhook_endpoint (id, member, url, events, secret, created_at) VALUES ($1, $2, $3, $4, $5, $6)',
    [id, member, url, events, secret, toRfc3339(createdAt)],
  )
}

const ENDPOINT = `SELECT id, member, url, events, secret, created_at AS "createdAt", disabled_at AS "disabledAt"
  FROM webhook_endpoint`

/** A member's endpoints with an id above `after`, oldest first. */
export function selectEndpoints(sql: Sql, member: string, after: string, limit: number): Promise<Endpoint[]> {
  return sql.query<Endpoint>(`${ENDPOINT} WHERE member = $1 AND id > $2 ORDER BY id LIMIT $3`, [member, after, limit])
}

/** All endpoints of these members, each one's oldest first. */
export function selectEndpointsOf(sql: Sql, members: readonly string[]): Promise<Endpoint[]> {
  return sql.query<Endpoint>(`${ENDPOINT} WHERE member = ANY ($1::text[]) ORDER BY id`, [members])
}

/** An endpoint by its id, whoever's it is. */
export async function selectEndpoint(sql: Sql, id: string): Promise<Endpoint | null> {
  const [endpoint] = await sql.query<Endpoint>(`${ENDPOINT} WHERE id = $1`, [id])
  return endpoint ?? null
}

/** @returns false when the member has no such endpoint */
export async function deleteEndpoint(sql: Sql, member: string, id: string): Promise<boolean> {
  const gone = await sql.query('DELETE FROM webhook_endpoint WHERE member = $1 AND id = $2 RETURNING id', [member, id])
  return gone.length > 0
}

/** Takes all of a member's endpoints away, with what is queued for them. */
export async function deleteEndpoints(sql: Sql, member: string): Promise<void> {
  await sql.query('DELETE FROM webhook_endpoint WHERE member = $1', [member])
}
