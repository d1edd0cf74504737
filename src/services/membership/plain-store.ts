import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'
import type { Version } from '../../platform/versions.ts'
import type { SealedFields } from './member-keys.ts'
import type { MemberFields } from './schema.ts'

/** Versions that stand in the store unsealed. Whoever else starts waits until the transaction ends. */
export async function takePlainVersions(sql: Sql, limit: number): Promise<readonly Version<MemberFields>[]> {
  await sql.query('LOCK TABLE record_version_plain')
  const rows = await sql.query(
    'SELECT id, version, data, rollback_of, actor, recorded_at FROM record_version_plain ORDER BY id, version LIMIT $1',
    [limit],
  )
  return rows.map((row) => ({
    id: row['id'] as string,
    version: Number(row['version']),
    fields: row['data'] as MemberFields,
    rollbackOf: row['rollback_of'] === null ? null : Number(row['rollback_of']),
    actor: row['actor'] as string,
    recordedAt: row['recorded_at'] as Instant,
  }))
}

export async function insertSealedVersion(
  sql: Sql,
  { id, version, rollbackOf, actor, recordedAt }: Omit<Version<unknown>, 'fields'>,
  sealed: SealedFields,
): Promise<void> {
  await sql.query(
    `INSERT INTO record_version (kind, id, version, data, rollback_of, actor, recorded_at)
     VALUES ('member', $1, $2, $3::jsonb, $4, $5, $6)`,
    [id, version, JSON.stringify(sealed), rollbackOf, actor, toRfc3339(recordedAt)],
  )
}

/** Takes away what was sealed: up to this version of this member, in their order. */
export async function deletePlainVersions(sql: Sql, { id, version }: Version<unknown>): Promise<void> {
  await sql.query('DELETE FROM record_version_plain WHERE (id, version) <= ($1, $2)', [id, version])
}

/** Takes all away, from the disk as well: a deleted row stays there for a while. */
export async function emptyPlainVersions(sql: Sql): Promise<void> {
  await sql.query('TRUNCATE record_version_plain')
}
