import type pg from 'pg'
import { TransactionUndone } from './database.ts'

/** What is to be thrown in place of an error, by when it came. */
export type Faults = {
  /** Before COMMIT was sent: nothing was done. */
  withoutEffect(error: unknown): unknown
  /** COMMIT was sent. */
  afterCommit(error: unknown): unknown
}

const AS_THEY_ARE: Faults = { withoutEffect: (error) => error, afterCommit: (error) => error }

/**
 * Runs `work` in one transaction on a connection of the pool; what it throws rolls everything back and is thrown on.
 * @throws TransactionUndone where it throws nothing and PostgreSQL answers COMMIT with ROLLBACK
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  begin: string,
  work: (client: pg.PoolClient) => Promise<T>,
  { withoutEffect, afterCommit }: Faults = AS_THEY_ARE,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => Promise.reject(withoutEffect(error)))
  let broken: Error | undefined
  try {
    await client.query(begin).catch((error: unknown) => Promise.reject(withoutEffect(error)))
    const result = await work(client)
    const { command } = await client.query('COMMIT').catch((error: unknown) => Promise.reject(afterCommit(error)))
    if (command !== 'COMMIT') throw new TransactionUndone()
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError // the connection is gone; PostgreSQL rolls back by itself
    })
    throw error
  } finally {
    client.release(broken)
  }
}
