import type { Instant } from '../../../kernel/clock.ts'
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
  return rows.map(toOperation)
}

/** The id of the transfer that was asked for under an Idempotency-Key, whether or not it was made. */
export async function findTransferOf(sql: Sql, owner: string, key: string): Promise<string | null> {
  const [row] = await sql.query('SELECT transfer FROM operation WHERE owner = $1 AND key = $2', [owner, key])
  return row === undefined ? null : (row['transfer'] as string)
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
