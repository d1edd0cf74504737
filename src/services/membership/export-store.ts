import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Row, Sql } from '../../platform/database.ts'
import type { Audience } from '../../platform/person.ts'
import type { ExportRequest, PersonExport } from './export-model.ts'
import type { SealedFields } from './member-keys.ts'

const EXPORT = 'SELECT * FROM person_export'

export async function insertExport(
  sql: Sql,
  id: string,
  { member, audience, requestedBy, reason }: ExportRequest,
  keyOf: string,
  now: Instant,
): Promise<void> {
  await sql.query(
    `INSERT INTO person_export (id, member, audience, requested_by, reason, key_of, state, requested_at, next_try_at)
     VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $7)`,
    [id, member, audience, requestedBy, reason, keyOf, toRfc3339(now)],
  )
}

export async function selectExport(sql: Sql, id: string): Promise<PersonExport | null> {
  const [row] = await sql.query(`${EXPORT} WHERE id = $1`, [id])
  return row === undefined ? null : toExport(row)
}

/** Those of a member for this audience that are under way, or whose parts are kept. */
export async function selectKept(sql: Sql, member: string, audience: Audience): Promise<readonly PersonExport[]> {
  const rows = await sql.query(
    `${EXPORT} WHERE member = $1 AND audience = $2 AND state IN ('running', 'ready') ORDER BY id`,
    [member, audience],
  )
  return rows.map(toExport)
}

/** Newest first, below the id `before` if that is not null; of one member and audience, where they are named. */
export async function selectExports(
  sql: Sql,
  of: { readonly member: string | null; readonly audience: Audience | null },
  before: string | null,
  limit: number,
): Promise<readonly PersonExport[]> {
  const rows = await sql.query(
    `${EXPORT} WHERE ($1::text IS NULL OR member = $1) AND ($2::text IS NULL OR audience = $2)
       AND ($3::text IS NULL OR id < $3) ORDER BY id DESC LIMIT $4`,
    [of.member, of.audience, before, limit],
  )
  return rows.map(toExport)
}

/** The export that has waited longest, if its time has come; nobody else is given it before `until`. */
export async function claimExport(sql: Sql, now: Instant, until: Instant): Promise<PersonExport | null> {
  const [row] = await sql.query(
    `UPDATE person_export SET next_try_at = $2 WHERE id = (
       SELECT id FROM person_export WHERE state = 'running' AND next_try_at <= $1
       ORDER BY next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING *`,
    [toRfc3339(now), toRfc3339(until)],
  )
  return row === undefined ? null : toExport(row)
}

export type Progress = Pick<PersonExport, 'steps' | 'heads' | 'step' | 'cursor' | 'parts' | 'head' | 'items'>

/** Goes on from where it was; false when somebody else did before, or it has ended. */
export async function moveExport(sql: Sql, was: PersonExport, to: Progress, now: Instant): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE person_export SET steps = $5::jsonb, heads = $6::jsonb, step = $7, cursor = $8, parts = $9, head = $10,
       items = $11::jsonb, tries = 0, last_error = NULL, next_try_at = $12
     WHERE id = $1 AND state = 'running' AND step = $2 AND cursor IS NOT DISTINCT FROM $3 AND (steps IS NULL) = $4 RETURNING id`,
    [
      ...[was.id, was.step, was.cursor, was.steps === null, JSON.stringify(to.steps), JSON.stringify(to.heads)],
      ...[to.step, to.cursor, to.parts, to.head, JSON.stringify(to.items), toRfc3339(now)],
    ],
  )
  return rows.length > 0
}

export async function postponeExport(sql: Sql, id: string, error: string, nextTryAt: Instant): Promise<void> {
  await sql.query(
    `UPDATE person_export SET tries = tries + 1, last_error = $2, next_try_at = $3 WHERE id = $1 AND state = 'running'`,
    [id, error, toRfc3339(nextTryAt)],
  )
}

export type Ending =
  | { readonly state: 'ready'; readonly seal: string; readonly expiresAt: Instant }
  | { readonly state: 'failed'; readonly error: string }

/** Ends an export that is under way, once. */
export async function endExport(sql: Sql, id: string, ending: Ending, now: Instant): Promise<boolean> {
  const [seal, error, expiresAt] =
    ending.state === 'ready' ? [ending.seal, null, toRfc3339(ending.expiresAt)] : [null, ending.error, null]
  const rows = await sql.query(
    `UPDATE person_export SET state = $2, seal = $3, last_error = $4, expires_at = $5, ended_at = $6
     WHERE id = $1 AND state = 'running' RETURNING id`,
    [id, ending.state, seal, error, expiresAt, toRfc3339(now)],
  )
  return rows.length > 0
}

/** Those whose parts have been kept as long as was said. */
export async function expireExports(sql: Sql, now: Instant, limit: number): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>(
    `UPDATE person_export SET state = 'expired' WHERE id IN (
       SELECT id FROM person_export WHERE state = 'ready' AND expires_at <= $1 ORDER BY expires_at LIMIT $2) RETURNING id`,
    [toRfc3339(now), limit],
  )
  return rows.map(({ id }) => id)
}

/** All of a member's, as the person is erased: what is under way is given up, what is kept can't be read any more. */
export async function destroyExports(sql: Sql, member: string, now: Instant): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>(
    `UPDATE person_export SET state = 'destroyed', ended_at = coalesce(ended_at, $2)
     WHERE member = $1 AND key_of = $1 AND state IN ('running', 'ready') RETURNING id`,
    [member, toRfc3339(now)],
  )
  return rows.map(({ id }) => id)
}

export async function insertPart(sql: Sql, id: string, number: number, { iv, text }: SealedFields): Promise<void> {
  await sql.query('INSERT INTO person_export_part (export, number, iv, text) VALUES ($1, $2, $3, $4)', [
    id,
    number,
    iv,
    text,
  ])
}

export async function selectPart(sql: Sql, id: string, number: number): Promise<SealedFields | null> {
  const [part] = await sql.query<SealedFields>(
    'SELECT iv, text FROM person_export_part WHERE export = $1 AND number = $2',
    [id, number],
  )
  return part ?? null
}

/** Takes the parts of exports that ended away, with the keys that were theirs alone. */
export async function deleteParts(sql: Sql, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await sql.query('DELETE FROM person_export_part WHERE export = ANY($1)', [ids])
  await sql.query('DELETE FROM member_key WHERE member = ANY($1)', [ids])
}

function toExport(row: Row): PersonExport {
  return {
    id: row['id'] as PersonExport['id'],
    member: row['member'] as string,
    audience: row['audience'] as Audience,
    requestedBy: row['requested_by'] as string,
    reason: row['reason'] as string | null,
    requestedAt: row['requested_at'] as Instant,
    state: row['state'] as PersonExport['state'],
    keyOf: row['key_of'] as string,
    steps: row['steps'] as PersonExport['steps'],
    heads: row['heads'] as PersonExport['heads'],
    step: row['step'] as number,
    cursor: row['cursor'] as string | null,
    parts: row['parts'] as number,
    head: row['head'] as string | null,
    items: row['items'] as PersonExport['items'],
    seal: row['seal'] as string | null,
    tries: row['tries'] as number,
    error: row['last_error'] as string | null,
    endedAt: row['ended_at'] as Instant | null,
    expiresAt: row['expires_at'] as Instant | null,
  }
}
