import type { Sql } from '../../../platform/database.ts'
import type { Transfer } from '../model.ts'
import { readTransfers } from './transfers.ts'

/** The withdrawals that have not ended, behind the one with this id, in the order they were made in. */
export async function listInTransit(sql: Sql, after: string | null, limit: number): Promise<readonly Transfer[]> {
  const rows = await sql.query<{ withdrawal: string }>(
    `SELECT withdrawal FROM in_transit
     WHERE $1::text IS NULL OR (at, withdrawal) > (SELECT created_at, id FROM transfer WHERE id = $1)
     ORDER BY at, withdrawal LIMIT $2`,
    [after, limit],
  )
  const ids = rows.map(({ withdrawal }) => withdrawal)
  if (ids.length === 0) return []
  const found = new Map((await readTransfers(sql, ids)).map(({ transfer }) => [transfer.id, transfer]))
  return ids.flatMap((id) => found.get(id) ?? [])
}
