import type { Instant } from '../../../kernel/clock.ts'
import { transferIdBeside } from '../../../kernel/operation-id.ts'
import type { Row, Sql } from '../../../platform/database.ts'
import type { Operation, OperationState } from '../model.ts'

const OPERATION = `SELECT operation.*, s.version, s.state, s.reason, s.at
  FROM operation JOIN operation_state s ON s.operation = operation.id`

/** The operations in their newest states. */
export async function readOperations(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, Operation>> {
  const rows = await sql.query(
    `${OPERATION} WHERE operation.id = ANY($1)
       AND s.version = (SELECT max(later.version) FROM operation_state later WHERE later.operation = s.operation)`,
    [ids],
  )
  const kept = new Map(rows.map((row) => [row['id'] as string, toOperation(row)]))
  const others = ids.filter((id) => !kept.has(id))
  return new Map([...kept, ...(await operationsOfTransfers(sql, others))])
}

/** Operations that follow from the transfers with which they ended as they began. */
async function operationsOfTransfers(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, Operation>> {
  if (ids.length === 0) return new Map()
  const rows = await sql.query(
    `SELECT operation AS id, account.member, transfer.id AS transfer, created_at, 1 AS version, 'succeeded' AS state,
       NULL AS reason, created_at AS at
     FROM transfer JOIN account ON account.id = transfer.debit WHERE transfer.id = ANY($1) AND transfer.key IS NOT NULL`,
    [ids.map(transferIdBeside)],
  )
  return new Map(rows.map((row) => [row['id'] as string, toOperation(row)]))
}

export async function readOperation(sql: Sql, id: string): Promise<Operation | null> {
  return (await readOperations(sql, [id])).get(id) ?? null
}

/** The operation in each of its states after a version, oldest first: few, since an operation never goes back. */
export async function listStates(sql: Sql, id: string, after: number): Promise<readonly Operation[]> {
  const rows = await sql.query(`${OPERATION} WHERE operation.id = $1 AND s.version > $2 ORDER BY s.version`, [
    id,
    after,
  ])
  if (rows.length > 0 || after > 0) return rows.map(toOperation)
  return [...(await operationsOfTransfers(sql, [id])).values()]
}

/** The newest version of each of these operations that there is. */
export async function newestVersions(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await sql.query<{ operation: string; version: bigint }>(
    'SELECT operation, max(version) AS version FROM operation_state WHERE operation = ANY ($1::text[]) GROUP BY 1',
    [ids],
  )
  return new Map(rows.map(({ operation, version }) => [operation, Number(version)]))
}

function toOperation(row: Row): Operation {
  return {
    id: row['id'] as string,
    member: row['member'] as string,
    transfer: row['transfer'] as string,
    createdAt: row['created_at'] as Instant,
    version: Number(row['version']),
    state: row['state'] as OperationState,
    reason: row['reason'] as string | null,
    updatedAt: row['at'] as Instant,
  }
}
