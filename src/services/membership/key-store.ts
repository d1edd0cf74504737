import { type Clock, type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import type { WrappedKey } from './member-keys.ts'
import type { Erasure } from './model.ts'

export async function insertKey(sql: Sql, clock: Clock, { member, kek, wrapped }: WrappedKey): Promise<void> {
  const at = toRfc3339(clock.now())
  await sql.query('INSERT INTO member_key (member, kek, wrapped, made_at) VALUES ($1, $2, $3, $4)', [
    member,
    kek,
    wrapped,
    at,
  ])
}

const KEY = 'SELECT member, kek, wrapped FROM member_key'

/** The member's key; null when there is none. `kept`: it is not destroyed before the transaction ends. */
export async function selectKey(sql: Sql, member: string, hold: 'kept' | 'as it is'): Promise<WrappedKey | null> {
  const [key] = await sql.query<WrappedKey>(`${KEY} WHERE member = $1${hold === 'kept' ? ' FOR SHARE' : ''}`, [member])
  return key ?? null
}

/** How a member's key is kept; null when there is none. */
export async function selectKeyState(
  sql: Sql,
  member: string,
): Promise<{ readonly kek: string; readonly madeAt: Instant } | null> {
  const [row] = await sql.query<{ kek: string; madeAt: Instant }>(
    'SELECT kek, made_at AS "madeAt" FROM member_key WHERE member = $1',
    [member],
  )
  return row ?? null
}

/** Keys that are wrapped by others than this key, and by nobody else taken up meanwhile. */
export function takeKeysOfOthers(sql: Sql, kek: string, limit: number): Promise<WrappedKey[]> {
  return sql.query<WrappedKey>(`${KEY} WHERE kek <> $1 ORDER BY kek, member LIMIT $2 FOR UPDATE SKIP LOCKED`, [
    kek,
    limit,
  ])
}

export async function updateKey(sql: Sql, { member, kek, wrapped }: WrappedKey): Promise<void> {
  await sql.query('UPDATE member_key SET kek = $2, wrapped = $3 WHERE member = $1', [member, kek, wrapped])
}

/** The names of the key-encryption keys that are in use. */
export async function selectKeks(sql: Sql): Promise<readonly string[]> {
  const rows = await sql.query<{ kek: string }>('SELECT DISTINCT kek FROM member_key ORDER BY kek')
  return rows.map(({ kek }) => kek)
}

export async function selectErasure(sql: Sql, member: string): Promise<Erasure | null> {
  const [row] = await sql.query<{ at: Instant; actor: string; reason: string }>(
    'SELECT at, actor, reason FROM member_erasure WHERE member = $1',
    [member],
  )
  return row ?? null
}

/** Destroys the member's key, for good. What it was erased for before stands. */
export async function destroyKey(sql: Sql, member: string, { at, actor, reason }: Erasure): Promise<void> {
  await sql.query(
    'INSERT INTO member_erasure (member, at, actor, reason) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
    [member, toRfc3339(at), actor, reason],
  )
  await sql.query('DELETE FROM member_key WHERE member = $1', [member])
}

/** Keys that a backup has brought back. */
export async function destroyKeysOfErased(sql: Sql): Promise<void> {
  await sql.query('DELETE FROM member_key USING member_erasure WHERE member_key.member = member_erasure.member')
}
