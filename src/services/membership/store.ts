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

/** Locks what is the member's until the transaction ends, as `lockMembers` does. */
export async function lockMember(sql: Sql, member: string): Promise<void> {
  await lockMembers(sql, new Map([[member, 0]]))
}

/**
 * Locks what is these members' until the transaction ends; in one order, so that no two who do so wait for each other.
 * @returns the number of each one's newest event, with so many more as are about to be told
 */
export async function lockMembers(sql: Sql, counts: ReadonlyMap<string, number>): Promise<Map<string, bigint>> {
  const rows = await sql.query<{ member: string; sequence: bigint }>(
    `INSERT INTO member_head (member, sequence)
     SELECT member, count FROM jsonb_to_recordset($1::jsonb) AS told (member text, count bigint) ORDER BY member
     ON CONFLICT (member) DO UPDATE SET sequence = member_head.sequence + EXCLUDED.sequence RETURNING member, sequence`,
    [JSON.stringify([...counts].map(([member, count]) => ({ member, count })))],
  )
  return new Map(rows.map(({ member, sequence }) => [member, sequence]))
}

export async function insertMemberEvents(sql: Sql, events: readonly MemberEvent[]): Promise<void> {
  const rows = events.map((event) => ({ ...event, sequence: event.sequence.toString(), at: toRfc3339(event.at) }))
  await sql.query(
    `INSERT INTO member_event (member, sequence, id, type, at, data) SELECT member, sequence, id, type, at, data
     FROM jsonb_to_recordset($1::jsonb)
       AS event (member text, sequence bigint, id text, type text, at timestamptz, data jsonb)`,
    [JSON.stringify(rows)],
  )
}

/** Events with a number above `after`, oldest first. */
export function selectMemberEvents(sql: Sql, member: string, after: bigint, limit: number): Promise<MemberEvent[]> {
  return sql.query<MemberEvent>(
    `SELECT member, sequence, id, type, at, data FROM member_event
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
