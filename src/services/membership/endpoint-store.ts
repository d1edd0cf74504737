import { type Instant, toRfc3339 } from '../../kernel/clock.ts'
import type { Sql } from '../../platform/database.ts'

/** Secrets that were replaced and still sign. */
export async function selectOldSecrets(sql: Sql, endpoint: string, now: Instant): Promise<readonly string[]> {
  const rows = await sql.query<{ secret: string }>(
    'SELECT secret FROM webhook_old_secret WHERE endpoint = $1 AND until > $2 ORDER BY until DESC',
    [endpoint, toRfc3339(now)],
  )
  return rows.map(({ secret }) => secret)
}

/** The present secret signs on until then, beside the new one. */
export async function replaceSecret(
  sql: Sql,
  endpoint: string,
  secret: string,
  now: Instant,
  until: Instant,
): Promise<void> {
  await sql.query('DELETE FROM webhook_old_secret WHERE endpoint = $1 AND until <= $2', [endpoint, toRfc3339(now)])
  await sql.query('INSERT INTO webhook_old_secret SELECT id, secret, $2 FROM webhook_endpoint WHERE id = $1', [
    endpoint,
    toRfc3339(until),
  ])
  await sql.query('UPDATE webhook_endpoint SET secret = $2 WHERE id = $1', [endpoint, secret])
}

/** Something was taken there. */
export async function markWell(sql: Sql, endpoint: string): Promise<void> {
  await sql.query('UPDATE webhook_endpoint SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL', [
    endpoint,
  ])
}

/** Something was not. @returns since when nothing was, and whose endpoint it is; null when it is gone, or disabled already */
export async function markFailing(
  sql: Sql,
  endpoint: string,
  now: Instant,
): Promise<{ readonly since: Instant; readonly member: string } | null> {
  const [row] = await sql.query<{ since: Instant; member: string }>(
    `UPDATE webhook_endpoint SET failing_since = coalesce(failing_since, $2) WHERE id = $1 AND disabled_at IS NULL
     RETURNING failing_since AS since, member`,
    [endpoint, toRfc3339(now)],
  )
  return row ?? null
}

/** Null: it is to be sent to again. */
export async function setDisabled(sql: Sql, endpoint: string, at: Instant | null): Promise<void> {
  await sql.query('UPDATE webhook_endpoint SET disabled_at = $2, failing_since = NULL WHERE id = $1', [
    endpoint,
    at === null ? null : toRfc3339(at),
  ])
}
