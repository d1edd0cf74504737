import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import type { Revocation } from './model.ts'

/** A revocation as it was made; who lifts it comes later. */
export async function insertRevocation(sql: Sql, made: Omit<Revocation, 'lifted'>): Promise<void> {
  const { id, jti, sub, reason, actor, at, until } = made
  await sql.query(
    'INSERT INTO revocation (id, jti, sub, reason, actor, at, until) VALUES ($1, $2, $3, $4, $5, $6, $7)',
    [id, jti, sub, reason, actor, toRfc3339(at), toRfc3339(until)],
  )
}

/** @returns false when it was lifted before */
export async function insertLift(sql: Sql, id: string, actor: string, at: Instant): Promise<boolean> {
  const rows = await sql.query(
    `INSERT INTO revocation_lift (revocation, actor, at) VALUES ($1, $2, $3)
     ON CONFLICT DO NOTHING RETURNING revocation`,
    [id, actor, toRfc3339(at)],
  )
  return rows.length > 0
}

const FROM = 'FROM revocation made LEFT JOIN revocation_lift lift ON lift.revocation = made.id'
const REVOCATION = `SELECT id, jti, sub, reason, made.actor, made.at, until, lift.actor AS "liftedBy", lift.at AS "liftedAt" ${FROM}`
const IN_FORCE = 'until > $1 AND lift.revocation IS NULL'

type StoredRevocation = Omit<Revocation, 'lifted'> & {
  readonly liftedBy: string | null
  readonly liftedAt: Instant | null
}

export async function selectRevocation(sql: Sql, id: string): Promise<Revocation | null> {
  const [row] = await sql.query<StoredRevocation>(`${REVOCATION} WHERE id = $1`, [id])
  return row === undefined ? null : revocationOf(row)
}

/** All that were ever made, with an id below `before` where it names one, newest first. */
export async function selectRevocations(sql: Sql, before: string, limit: number): Promise<readonly Revocation[]> {
  const rows = await sql.query<StoredRevocation>(`${REVOCATION} WHERE $1 = '' OR id < $1 ORDER BY id DESC LIMIT $2`, [
    before,
    limit,
  ])
  return rows.map(revocationOf)
}

/** Those of one subject with an id above `after`, oldest first. */
export async function selectRevocationsOf(
  sql: Sql,
  subject: string,
  after: string,
  limit: number,
): Promise<readonly Revocation[]> {
  const rows = await sql.query<StoredRevocation>(`${REVOCATION} WHERE sub = $1 AND id > $2 ORDER BY id LIMIT $3`, [
    subject,
    after,
    limit,
  ])
  return rows.map(revocationOf)
}

/** Those that are in force now, with an id above `after`, oldest first. */
export async function selectInForce(
  sql: Sql,
  now: Instant,
  after: string,
  limit: number,
): Promise<readonly Revocation[]> {
  const rows = await sql.query<StoredRevocation>(`${REVOCATION} WHERE ${IN_FORCE} AND id > $2 ORDER BY id LIMIT $3`, [
    toRfc3339(now),
    after,
    limit,
  ])
  return rows.map(revocationOf)
}

export async function countInForce(sql: Sql, now: Instant): Promise<number> {
  const [row] = await sql.query<{ count: bigint }>(`SELECT count(*) ${FROM} WHERE ${IN_FORCE}`, [toRfc3339(now)])
  return Number(row?.count ?? 0n)
}

function revocationOf({ liftedBy, liftedAt, ...made }: StoredRevocation): Revocation {
  return { ...made, lifted: liftedBy === null || liftedAt === null ? null : { actor: liftedBy, at: liftedAt } }
}
